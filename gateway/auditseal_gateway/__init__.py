"""The gateway: audit events over HTTP, for programs without a Kafka client (docs/reference/gateway.md).

| module | what it holds |
| --- | --- |
| `app` | the routes, and how a request is answered |
| `server` | serves the routes until the daemon is stopped |
| `connections` | what a connection may do: its time, its certificate, how many there are |
| `lingering` | closes a connection so that its client still gets the answer |
| `config` | the configuration |
| `clients` | the clients, their credentials and sources |
| `tokens` | makes tokens, and hashes them |
| `login` | which client a request is from |
| `oidc` | verifies the tokens of an OpenID Connect provider |
| `provider_keys` | the provider's keys, fetched and kept |
| `body` | reads a request's body within its limits |
| `source_claim` | refuses events that claim another source |
| `events_json` | events as JSON |
| `cloud_events` | CloudEvents that hold an event |
| `kubernetes_audit` | audit events of a kube-apiserver |
| `otlp_logs` | log records of OpenTelemetry |
| `recorder` | records the events of a request, each once |
| `remembered` | the events that were recorded lately |
| `publishers` | a producer for each source |
| `results` | what became of each event |
| `answers` | the results as HTTP answers |
| `metrics` | the gateway's metrics |
| `errors` | the errors of this package |
"""
