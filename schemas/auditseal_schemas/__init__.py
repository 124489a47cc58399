"""The contract of auditseal: every byte that a sealer, an archiver and an auditor must agree on, and no I/O.

The format (docs/reference/format.md), from the ground up:

| module | what it holds |
| --- | --- |
| `limits` | the bounds of the format |
| `lazy_property` | values that are computed at their first use, without a lock |
| `varint` | Avro's long |
| `schema` | the normative Avro schemas, and canonical coding of whole values by them |
| `origin` | the name of a log |
| `merkle` | RFC 6962 trees: roots, proofs, and the frontier of a growing tree |
| `record` | the sealed record, and the chain through all records |
| `plain_records` | the quick loop over records of the usual shape |
| `header` | the block header, which a log commits to |
| `checkpoint` | C2SP checkpoints: the text that a note signs |
| `public_key` | public keys of Ed25519 and ML-DSA-44, and which signatures hold |
| `cosignature` | C2SP cosignatures: what an ML-DSA-44 key signs of a checkpoint |
| `key` | keys with a name: the verifier key that auditors pin, and the signer |
| `note` | C2SP signed notes |
| `deflate` | raw deflate, bounded |
| `canonical_base64` | base64 with one spelling for each value |
| `container` | a block's Avro object container file, read strictly |
| `block` | a block: header, frontier, checkpoint, locators and records |
| `trust` | the trust file |

Verification and sealing:

| module | what it holds |
| --- | --- |
| `verification` | the steps of verification as one table, and slices of it |
| `expected` | what the next block of a log must fit |
| `link_checks` | steps 2 to 6 and 9: whether a block continues its log |
| `stored_checks` | steps 7 and 8: whether the stored bytes are the signed ones |
| `record_checks` | steps 10 to 14: whether the records are those of the header |
| `log` | the state of a log, which the next block must fit |
| `block_draft` | the next block of a log while it fills |
| `kafka_message` | the part of a Kafka message that is sealed |
| `verdict` | the verdicts and their exit codes |

Proofs:

| module | what it holds |
| --- | --- |
| `tlog_proof` | C2SP transparency log proofs |
| `event_proof` | the proof of one sealed record |
| `consistency_file` | the proof that one head is a prefix of a later one |
| `term` | the terms by which an index finds a record |
| `postings` | the offsets of the records that have a term |
| `term_tree` | the tree over a segment's terms, and proofs that one is there or not |
| `index_segment` | the entry of an index log for one segment |
| `segment_proof` | what an index proves of one segment |
| `proof_file` | a proof as a file: its first line and one canonical value |
| `completeness_proof` | the proof that some records are all that have some terms |
| `index_fraud` | the proof that an index signed something false |
| `rotation` | the blocks that lead from the pinned keys to later ones |

Legal holds (docs/reference/holds.md):

| module | what it holds |
| --- | --- |
| `hold_statement` | what a person signs about a hold |
| `hold_case` | the statements of a case in order, and what they hold |

Events (docs/reference/event-encoding.md):

| module | what it holds |
| --- | --- |
| `event` | the audit event |
| `event_parts` | its parts: source, actor, resources and others |
| `event_attributes` | its attributes, a read-only mapping |
| `event_time` | its time: RFC 3339 and datetimes |
| `event_check` | the checks and limits that the parts share |
| `event_codec` | an event's bytes |
| `event_plain` | the quick way to the bytes of an event of the usual shape |
| `event_skim` | the counts of an encoded event, before it is decoded |
| `event_json` | an event as JSON |
| `event_key` | the Kafka key of an event |
| `event_id` | the form of event ids, and the id of an event that has an identity elsewhere |
| `registry_schema` | values that name their schema by an id of a schema registry |
| `strict_json` | JSON from outside, read strictly |
| `stream_event` | the events by which a stream speaks of itself |

What all packages share:

| module | what it holds |
| --- | --- |
| `errors` | the errors of the core, and the root of all others |
| `halt` | the reasons for which a daemon stops for good |
| `exit_codes` | the exit codes of commands and daemons |
| `ranges` | ranges of whole numbers, joined where they touch |
| `transport` | which connections are safe |
| `kafka_trouble` | why a client can't use Kafka, in one sentence |
| `kafka_trouble_rules` | librdkafka's words for each trouble, and the remedy |
"""

__version__ = "0.1.0"
