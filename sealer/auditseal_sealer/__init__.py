"""The daemon that turns the events of a Kafka topic into signed blocks: one chain a partition.

| module | what it holds |
| --- | --- |
| `sealer` | the daemon's body: membership in the group, a chain for each assigned partition, the watch |
| `chain` | one partition's life: recover, seal, fail, recover |
| `session` | sealing from a recovered head: read, fill, sign, publish |
| `recovery` | where a log continues, decided from all sources (pure) |
| `head_reader` | gathers what all sources hold of a log |
| `evidence` | what the sources hold of a log, as values |
| `signed_block` | blocks that this log's key signed, and all others (pure) |
| `given_up` | the head of the run before |
| `block_writer` | publishes blocks in transactions |
| `partition_reader` | reads one partition from an offset on |
| `membership` | this sealer's place in the consumer group |
| `watch` | notices changes of topics and vault |
| `watchdog` | ends the process when a call doesn't return |
| `batch` | when a block closes before it is full (pure) |
| `clock` | compares the sealer's time with the broker's |
| `kafka_errors` | what to do about an error of a Kafka call (pure) |
| `archive_age` | how long the oldest sealed block waits for the vault |
| `key_file` | a log's signing key in a file |
| `stop` | how a chain is asked to end |
| `hooks` | points at which a fault campaign may act |
| `metrics` | the metrics |
| `config` | the configuration, as one frozen value |
| `errors` | the errors of this package |
"""
