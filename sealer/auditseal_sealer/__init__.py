"""The daemon that turns the events of a Kafka topic into signed blocks: one chain a partition.

| module | what |
| --- | --- |
| `sealer` | the daemon's body: membership in the group, a chain for each assigned partition, the watch |
| `chain` | one partition's life: recover, seal, fail, recover |
| `session` | sealing from a recovered head: read, fill, sign, publish |
| `recovery`, `head_reader` | what the sources say of a log, and what follows from it (pure) |
| `block_writer`, `partition_reader`, `membership`, `cluster` | all calls to Kafka, each kind in one module |
| `batch`, `clock`, `kafka_errors`, `topic_rules` | decisions, pure |
"""
