"""The demo: the whole pipeline on one machine, then a tampering that verification finds.

| module | what it holds |
| --- | --- |
| `run` | the demo's steps, in their order |
| `folder` | the demo's folder and the names in it |
| `store` | the two places for blocks: a directory or a real MinIO |
| `environment` | the environment of the demo's processes, free of the caller's settings |
| `processes` | daemons and services as processes that end with the demo |
| `command` | one `auditseal` command run to its end |
| `services` | five simulated services and their events |
| `publish` | one simulated service as a process |
| `publish_on` | one that publishes until it is ended |
| `live` | the demo that goes on: its services, its index and its explorers |
| `panel` | the page of that demo, with the button that tampers |
| `ledger` | the recorded events compared with the sealed ones |
| `tamper` | the tampering, and the check that it was found |
"""
