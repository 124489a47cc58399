"""The explorer: sealed events and the health of their logs, in a browser.

| module | what it holds |
| --- | --- |
| `question` | a question as an address: filter, heads and place |
| `sources` | the vault and the index that answer it |
| `timeline` | hits over time, as bars of a picture |
| `results` | the answer to a question: hits, bars, counts and grade |
| `event_view` | one event, proven, as parts of a page |
| `log_status` | one log's head, lock and last verdict |
| `checker` | verifies the vault while the explorer runs |
| `guard` | who may ask: hosts, origins, and the headers of each answer |
| `pages` | the pages |
| `api` | the same answers as JSON |
| `app` | the routes, and how errors are answered |
| `server` | serves it on this machine |
| `errors` | the errors of this package |
"""
