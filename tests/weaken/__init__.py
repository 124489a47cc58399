"""Each rule of docs/reference/format.md is weakened in the code, one at a time: a golden vault must notice.

`make weaken` runs it. A rule that no golden vault notices is one that a foreign verifier could leave out unnoticed.
`rules.json` has the changes, one a line, each with the page's words for its rule. `not_weakened.json` has the other
rules, with the reason. A test holds both to the page: a rule with other words, or a new one, needs a line here.
"""
