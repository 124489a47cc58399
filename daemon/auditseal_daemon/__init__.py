"""The parts that all daemons share: how they start, stop and report, and how they reach Kafka.

| module | what it holds |
| --- | --- |
| `run` | a daemon's process: logs, signals, exit codes |
| `process_end` | the end of a process whose work is done |
| `secret_file` | files with a secret, refused where others may read them |
| `listen` | the socket of a daemon, over IPv4 and IPv6 |
| `telemetry` | `/metrics`, `/healthz` and `/readyz` over HTTP |
| `reachable` | one connection before a command's work, and why it fails |
| `kafka_client` | the settings that all Kafka clients share, and how their errors are logged |
| `client_properties` | a connection's properties, of which secrets can be renewed in their files |
| `broker_watch` | whether Kafka serves a client, and when a trouble is over |
| `group_member` | a member of a consumer group |
| `group_watch` | whether the group gives each partition to a member that works on it |
| `cluster` | the administrative calls: topics, ends of partitions |
| `batch_size` | how large a record batch can be once it is decompressed (pure) |
| `topic_rules` | how the events and blocks topics must be, and why (pure) |
| `topics` | making, growing and auditing these two topics |
| `blocks_owner` | whose blocks a blocks topic has |
| `log_states` | the state of each log as a metric |
| `throttle` | which of a repeated message's repetitions are logged |
| `signed_tokens` | reads the signed tokens of other systems |
| `errors` | the errors of this package |
| `retry` | repeated calls to Kafka and to a store |
| `background` | calls in threads of their own |
"""
