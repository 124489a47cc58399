"""Audit records of other systems as events: pure functions, from a record's original bytes to an event's fields.

| module | what it holds |
| --- | --- |
| `kubernetes` | audit events of Kubernetes, `audit.k8s.io/v1` |
| `original` | a record's original bytes as attributes of its event |
| `json_members` | where the items of a JSON array are, byte by byte |
| `record_fields` | reads the fields of a record that is a JSON object |
"""
