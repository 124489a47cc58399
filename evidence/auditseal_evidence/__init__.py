"""Evidence packs: the events of one case, in a zip that a short program verifies, and on a page that people read.

| module | what it holds |
| --- | --- |
| `case` | a case: its filter, how complete the answer is, and where its events are |
| `answer` | the answer of a search as a case |
| `block_proof` | events of one block, and the hashes that lead from them to its header |
| `case_log` | the signed head of a log, and the blocks that announced its keys |
| `pack_file` | the zip of a pack, and its SHA256SUMS |
| `page` | the page that shows a pack's events |
| `pack` | makes the pack and the page of a case |
| `timestamp` | a timestamp over SHA256SUMS by an authority (RFC 3161) |
| `verify` | the program in each pack that verifies it |
| `errors` | the errors of this package |
"""
