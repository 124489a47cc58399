"""The daemon that writes signed blocks into the vault, under lock.

| module | what it holds |
| --- | --- |
| `archiver` | the daemon's body: a member of its group, and a worker for each assigned partition |
| `assignment` | the assigned partitions: starts and ends their workers, limits the memory of their queues |
| `partition_worker` | one partition's queue of blocks, and the thread that archives them in order |
| `block_archiver` | verifies and stores one partition's blocks; on a 412 it compares |
| `archiving_state` | the states that a partition can have, and why one is not read |
| `written_blocks` | whether the blocks just written are the first objects at their keys, checked for many at once |
| `decision` | whether a block is stored, compared, or refused (pure) |
| `conflict` | what an object means that is already at a block's key: FORK, SQUATTED or the same block (pure) |
| `lock_check` | the lock of an object that was at a block's key before our write: one that lacks it is locked |
| `retention` | when a block's lock ends |
| `log_state` | a log's state, read from the vault and verified |
| `replication` | a log's blocks copied into another vault, verified, and compared there |
| `hold_replication` | legal holds copied into another vault: the signed records, and the holds that they require |
| `start_offset` | where in the blocks topic a partition is read from |
| `drill_schedule` | the WORM drill before the first block, and again on its schedule |
| `store_check` | whether the store answers while there is no block to store |
| `readiness` | the conditions that `/readyz` shows |
| `metrics` | the metrics |
| `config` | the configuration, as one frozen value |
| `errors` | the errors of this package |
"""
