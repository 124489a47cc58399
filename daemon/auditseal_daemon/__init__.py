"""The parts that all daemons share: how they start, stop and report, and how they reach Kafka.

| module | what it holds |
| --- | --- |
| `run` | a daemon's process: logs, signals, exit codes |
| `telemetry` | `/metrics`, `/healthz` and `/readyz` over HTTP |
| `kafka_client` | the settings that all Kafka clients share, and how their errors are logged |
| `retry` | repeated calls to Kafka and to a store |
| `background` | calls in threads of their own |
"""
