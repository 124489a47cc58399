"""Verification of a vault from its storage and a trust file alone: a library, and the commands `verify` and `show`.

| module | what it holds |
| --- | --- |
| `request` | what to verify, and how |
| `verification` | one run over all pinned logs, from a request to a report |
| `log_run` | one log within a run: which blocks are checked, the comparisons, and its report |
| `check_start` | the place in a log where a check begins: the first block, a pinned root, a remembered head |
| `scrub` | a pass over the older blocks that is spread over many runs |
| `listing` | the keys that a store lists of a log, and faults of versions, markers and locks |
| `check_pool` | objects read and checked in order, in one process or in several |
| `object_check` | one object checked alone: everything that doesn't need the blocks around it |
| `log_check` | one log checked, object after object |
| `log_progress` | the state that the next block of a log must fit |
| `comparison` | a whole log compared with its remembered head, other logs and the clock |
| `unpinned` | notices on logs that the vault holds and the trust file doesn't pin |
| `counts` | counts of objects and blocks |
| `findings` | a finding, and a bounded collection of findings |
| `report` | the result of a run, as values and as JSON |
| `report_text` | the result of a run, as text |
| `heads` | remembered heads: what a later run continues from, and forks between two memories |
| `state_file` | the state file, which keeps remembered heads |
| `state_json` | the JSON of a state file |
| `shared_file` | a file that several runs share: links, lock and replacement |
| `fork_proof` | the two notes that prove a fork, found and written as files |
| `single_block` | one block or record, found and verified by itself |
| `block_json` | one block or record, as JSON |
| `block_text` | one block or record, as text |
| `prover` | makes proofs: of one record, and that one head is a prefix of a later one |
| `sealed_receipt` | a producer's receipt, and the proof that its event was sealed |
| `proof_view` | what a proof establishes, as JSON and as text |
| `errors` | the errors of this package |
"""
