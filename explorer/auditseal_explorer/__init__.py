"""The explorer: sealed events and the health of their logs, in a browser.

| module | what it holds |
| --- | --- |
| `question` | a question as an address: filter, heads and place |
| `sources` | the vault and the index that answer it |
| `background_thread` | a thread that works while the explorer runs |
| `preparation` | counts all events and encodes columns when the explorer starts |
| `timeline` | hits over time, as bars of a picture |
| `kept` | answers that are kept, and made once |
| `counts` | what an answer counts, and how the counts of its parts join |
| `counting` | counts answers file by file, and keeps the counts |
| `results` | the answer to a question: hits, bars, counts and grade |
| `export_rows` | the rows of an export, while the index is built on |
| `cases` | the events of a question as an evidence pack |
| `event_view` | one event, proven, as parts of a page |
| `text_diff` | what a change changed, word by word |
| `log_status` | one log's head, lock and last verdict |
| `services` | the latest event of each service |
| `runbooks` | what to do about each state of a log |
| `documents` | the documentation, which is installed with the explorer |
| `streams` | what is known of the streams |
| `stream_watcher` | looks at streams while the explorer runs |
| `checker` | verifies the vault while the explorer runs |
| `auditor` | who looks, and which tenants' events they may see |
| `access` | how it is reached from other machines: TLS, login, auditors |
| `admission` | lets in the auditors of a list |
| `oidc_login` | a login at an OpenID Connect provider |
| `certificate_login` | a login by client certificates |
| `login_pages` | the pages of those who are not let in |
| `proxy_login` | a login at a reverse proxy, by a signed header |
| `trail` | each look of an auditor as an audit event |
| `producer_trail` | the trail, recorded by our own producer |
| `looks` | what the trail says of each look and attempt |
| `refusals` | refused logins as audit events |
| `deadline` | until when an answer has to be ready |
| `timely_answers` | answers in time those requests whose answer is not ready |
| `guard` | who may ask: hosts, origins, and the headers of each answer |
| `pages` | the pages |
| `api` | the same answers as JSON |
| `app` | the routes, and how errors are answered |
| `connections` | what a connection may do before a login |
| `server` | listens, and serves it |
| `errors` | the errors of this package |
"""
