"""All samples that tests share: keys, messages, blocks, logs and vaults, made in one place.

| module | makes |
| --- | --- |
| `people` | people who sign holds, and their statements |
| `holding` | a bucket with a log, and people who hold its blocks |
| `keys` | signing keys whose seeds are public, and their verifier keys |
| `events` | an audit event with every field, and the smallest one |
| `messages` | Kafka messages, with every property that is sealed |
| `blocks` | blocks and logs by the core, and blocks that a key holder changed and signed again |
| `streams` | deflate streams that have the same bytes on every machine, and decompression bombs |
| `index_example` | the worked example of docs/reference/absence.md |
| `plain_index` | an index made record by record, and proofs from it |
| `vaults` | vaults in memory, with versions, delete markers and locks |
| `audits` | the auditor's verdict on such a vault |
| `watching` | a watcher on such a vault, driven check by check |
| `archiving` | an archiver's parts, and a vault whose operations fail as planned |
| `foreign_member` | a client of another kind in a daemon's group |
| `sealing` | a sealer as a process, its topics, and the blocks that it left there |
| `stream_logs` | vaults whose events belong to streams |
| `spools` | events for a spool, and producers with one |
| `asgi_exchange` | one exchange with an ASGI application |
| `helm` | Helm and kube-score, built from source once, and the chart rendered |
| `hostile` | 200 events whose texts attack those who look at them |
| `kube_apiserver` | a real kube-apiserver on its etcd, built from source once |
| `http_server` | a real HTTP server whose answers a test writes byte by byte |
| `certificates` | authorities and certificates for TLS, good and bad ones |
| `copies` | a log, and vaults that hold it, to be copied |
| `softhsm` | a real SoftHSM and its tokens |
| `openbao` | a real OpenBao with keys that sign |
| `external_keys` | keys outside the process that answer as a test wants |
| `versitygw` | a real versitygw, built from source once |
| `dask_cluster` | a Dask scheduler and two workers as processes |
| `secured_kafka` | a real broker with TLS, SASL and ACLs |
| `quick_kafka` | a real broker that starts with a third of the CPU |
| `kafka_cluster` | three real brokers and their controller |
| `oauth_kafka` | a real broker that takes OAUTHBEARER tokens |
| `sealer_settings` | a sealer's configuration file, key and passphrase |
| `archiver_settings` | an archiver's configuration file and trust file |
| `secret_files` | files that only their owner can read |
| `gateway` | a gateway, its clients, and the events that reached Kafka |
| `daemons` | a daemon whose body a test writes, as a process |
| `prometheus` | a real Prometheus and promtool, built from source once |
| `rights` | the files of `deploy/rights`, as ACLs and as credentials |
| `programs` | programs that a test puts in place of real ones, builds, or runs |
| `timestamp_authority` | an RFC 3161 timestamp authority of OpenSSL on this machine |
| `json_answer` | an answer in JSON, for small servers on loopback |
| `schema_registry` | a schema registry that speaks REST on loopback |
| `token_provider` | an OpenID Connect provider on this machine, for clients of a broker |
| `oidc_provider` | another, at which people log in with a browser |
| `raw_fork` | a fork that Python isn't told of |
| `process_ends` | programs, one for each way in which a service's process ends |
| `web` | a web server that has files, and fails as planned |
| `evidence` | an evidence pack of a small log, with events that attack its page |
| `exploring` | an explorer of a small vault, and its pages as a browser reads them |
| `chromium` | a real Chromium, found or fetched |
| `parts` | what is fetched and built before the tests run |
| `value_types` | the value types of a package, and one of each without its checks |
"""
