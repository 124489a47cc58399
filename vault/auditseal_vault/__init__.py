"""The store that keeps a log's blocks: reading it, adding to it, and testing that it keeps what it promises.

| module | what it holds |
| --- | --- |
| `interface` | `Vault` and `VaultReader`: list, versions, read, put and retention, as protocols |
| `url` | a vault's URL, read strictly |
| `open` | from a vault's URL to the vault |
| `thread_reader` | one opened vault for each thread of a process that works for others |
| `bulk_reader` | many objects, read one after the other |
| `s3` | a bucket with Object Lock |
| `s3_client` | the boto3 client, and a new one for renewed credentials |
| `s3_listing` | the pages of a bucket's listing: in order, and with an end |
| `s3_bulk` | many objects of a bucket, read with many requests in flight |
| `s3_bulk_write` | many new objects of a bucket, written with many requests in flight |
| `s3_write` | the one form of a locked write |
| `s3_errors` | what a store's refusals mean |
| `s3_sending` | boto3's requests, sent by the transport |
| `s3_answer` | bounds on what a store's answer may cost to parse |
| `http_transport` | requests of many threads, and outcomes in the order of requests |
| `http_connections` | one thread's connections, by libcurl: bounded in bytes and in time |
| `directory` | a directory: atomic and durable, without locks |
| `directory_tree` | which entries of a directory are listed, and how a file is opened |
| `encryption` | encryption at rest, asked for and answered |
| `oldest` | the version of a key that counts: the one stored first |
| `head` | the highest block of a log, found by few listings |
| `log_reader` | one log in a vault: its head, its block at a height, and the keys valid there |
| `concurrent_calls` | calls for many items, some of them in flight at once |
| `lock_extension` | locks of a log's blocks, extended and read back |
| `legal_hold` | legal holds of versions, set or lifted, and read back |
| `hold_records` | the signed statements of all cases of holds, as objects |
| `drill` | the WORM drill: attacks that a store must refuse |
| `errors` | the errors of this package |
"""
