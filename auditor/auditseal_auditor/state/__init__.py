"""What an auditor remembers between runs, outside the vault.

| module | what it holds |
| --- | --- |
| `heads` | remembered heads: what a later run continues from, and forks between two memories |
| `state_file` | the state file, which keeps remembered heads as JSON |
| `shared_file` | a file that several runs share: links, lock and replacement |
"""
