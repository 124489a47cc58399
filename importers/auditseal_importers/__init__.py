"""Audit records of other systems as events: pure functions, from a record's original bytes to an event's fields.

| module | what it holds |
| --- | --- |
| `formats` | the formats, and the function for each |
| `cloudtrail` | records of AWS CloudTrail |
| `pgaudit` | pgAudit's lines in PostgreSQL's JSON log |
| `pgaudit_csv` | the same in its CSV log |
| `pgaudit_line` | what both become |
| `journald` | entries of systemd's journal |
| `syslog` | syslog messages of RFC 5424 |
| `kubernetes` | audit events of Kubernetes, `audit.k8s.io/v1` |
| `excerpt` | the beginning of a text that is too long for a field |
| `content_digest` | tells records with one identity apart |
| `original` | a record's original bytes as attributes of its event |
| `json_members` | where the items of a JSON array are, byte by byte |
| `csv_fields` | the fields of comma-separated text |
| `record_fields` | reads the fields of a record that is a JSON object |
"""
