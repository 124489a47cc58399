"""Verification of a vault from its storage and a trust file alone: a library, and the commands `verify` and `show`.

| module | what it holds |
| --- | --- |
| `request` | what to verify, and how |
| `verification` | one run over all pinned logs, from a request to a report |
| `log_run` | one log within a run: which blocks are checked, the comparisons, and its report |
| `listing` | the logs and keys that a store lists, and what a listing or a lock shows |
| `check_pool` | objects read and checked in order, in one process or in several |
| `object_check` | one object checked alone: everything that doesn't need the blocks around it |
| `known_contents` | the content of each log's last object, not checked again while its bytes are the same |
| `log_check` | one log checked, object after object |
| `hold_check` | the legal holds of one log: shown by the store, and signed by people |
| `log_progress` | where a check begins, the state that the next block must fit, and older blocks that are due again |
| `fork_proof` | the two notes that prove a fork, found and written as files |
| `copy_comparison` | a vault compared with a copy of it |
| `comparison` | a whole log compared with its remembered head, other logs and the clock |
| `findings` | a finding, a bounded collection of findings, and counts |
| `report` | the result of a run, as values and as JSON |
| `report_text` | the result of a run, as text |
| `outcome` | the outcome of a run, kept: remembered heads and proofs of forks |
| `errors` | the errors of this package and of the two below |
| `state` | what is remembered between runs, and the file that keeps it |
| `blocks` | one block or record by itself: found, verified, shown and proven |
"""
