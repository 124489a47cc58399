"""Continuous verification of a vault: the daemon `auditseal watch`, and the metrics of `auditseal verify --textfile`.

A watcher belongs to an auditor, not to the operators of the vault. It needs the storage and a trust file, and no Kafka.

| module | what it holds |
| --- | --- |
| `config` | the configuration of a watcher |
| `watcher` | verifies again and again, until it is stopped |
| `news` | the news in a check, compared with the check before |
| `results` | the results of checks that are worth an audit event |
| `metrics` | the metrics of a check, and those of a watcher |
| `textfile` | the metrics of one check as a file for node_exporter |
| `errors` | the errors of this package |
"""
