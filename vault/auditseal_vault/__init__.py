"""The store that keeps a log's blocks: reading it, adding to it, and testing that it keeps what it promises.

| module | what it holds |
| --- | --- |
| `interface` | `Vault` and `VaultReader`: list, versions, read, put and retention, as protocols |
| `url` | a vault's URL, read strictly |
| `open` | from a vault's URL to the vault |
| `s3` | a bucket with Object Lock |
| `s3_client` | the boto3 client, and the locked write |
| `s3_errors` | what a store's refusals mean |
| `s3_answer` | bounds on what a store's answer may cost to read |
| `directory` | a directory: atomic and durable, without locks |
| `directory_tree` | which entries of a directory are listed, and how a file is opened |
| `head` | the highest block of a log, found by few listings |
| `log_reader` | one log in a vault: its head, its block at a height, and the keys valid there |
| `drill` | the WORM drill: attacks that a store must refuse |
| `errors` | the errors of this package |
"""
