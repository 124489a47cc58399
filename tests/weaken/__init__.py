"""Each rule of docs/reference/format.md is weakened in the code, one at a time: a golden vault must notice.

`make weaken` runs it. A rule that no golden vault notices is one that a foreign verifier could leave out unseen.
"""
