"""The columns of an index: one row for each sealed record (docs/reference/index-files.md)."""

import pyarrow as pa

VERSION = 2
"""The version of the columns and of what is put into them. An index of another version is built again."""

RESOURCE = pa.struct([("type", pa.string()), ("id", pa.string()), ("name", pa.string()), ("parent", pa.string())])
CHANGE = pa.struct([("field", pa.string()), ("before", pa.string()), ("after", pa.string())])

PLACE = pa.schema(
    [
        pa.field("height", pa.int64(), nullable=False),
        pa.field("index", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("timestamp", pa.timestamp("ms", "UTC")),
        pa.field("value_bytes", pa.int64()),
        pa.field("registry_schema", pa.string()),
        pa.field("problem", pa.string()),
    ]
)
"""Where a record is, the schema of a registry that it names, and what is wrong with it: null for a readable event."""

EVENT = pa.schema(
    [
        ("event_id", pa.string()),
        ("schema_version", pa.int32()),
        ("event_type", pa.string()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("tenant", pa.string()),
        ("category", pa.string()),
        ("service", pa.string()),
        ("service_version", pa.string()),
        ("instance", pa.string()),
        ("environment", pa.string()),
        ("region", pa.string()),
        ("actor_type", pa.string()),
        ("actor_id", pa.string()),
        ("actor_name", pa.string()),
        ("auth_method", pa.string()),
        ("session_id", pa.string()),
        ("on_behalf_of", pa.string()),
        ("ip", pa.string()),
        ("user_agent", pa.string()),
        ("action", pa.string()),
        ("resources", pa.list_(RESOURCE)),
        ("outcome", pa.string()),
        ("status_code", pa.string()),
        ("reason_code", pa.string()),
        ("reason_text", pa.string()),
        ("granted", pa.bool_()),
        ("permission", pa.string()),
        ("policy", pa.string()),
        ("changes", pa.list_(CHANGE)),
        ("trace_id", pa.string()),
        ("span_id", pa.string()),
        ("correlation_id", pa.string()),
        ("stream_id", pa.string()),
        ("stream_sequence", pa.int64()),
        ("attributes", pa.map_(pa.string(), pa.string())),
    ]
)
"""An event's fields, those of `avro/audit_event.v1.avsc` laid out flat; null in a row that is not an event."""

ROW = pa.schema([*PLACE, *EVENT])
"""All columns of a row."""

UNDECODABLE, OVERSIZE, NO_VALUE, UNREADABLE_HEADERS = "undecodable", "oversize", "no value", "unreadable headers"
"""What `problem` can say. Only a record with unreadable headers can have an event's fields as well."""
