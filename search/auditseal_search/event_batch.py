"""Values of records, decoded into columns by the thousand.

The result is that of `decode_event`, value by value: the same fields, and the same values refused. The native decoder
does the work. A batch that it can't vouch for is halved until what is left is decoded one by one.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from auditseal_schemas.errors import DecodeError
from auditseal_schemas.event import SCHEMA_VERSION
from auditseal_schemas.event_check import MAX_ITEMS
from auditseal_schemas.event_codec import EVENT_PREFIXES, PREFIX_BYTES, decode_event, schema_name
from auditseal_search.avro_reader import AvroReader
from auditseal_search.columns import EVENT, NO_VALUE, UNDECODABLE
from auditseal_search.event_layout import canonical_lengths, sorted_maps

RESULT = pa.schema([*EVENT, pa.field("problem", pa.string())])

_FEW = 16  # values that are decoded one by one at once
_LONG = 64 * 1024  # bytes above which a value is decoded by itself: below, no text can exceed an event's limit
_PREFIX = next(prefix for prefix, version in EVENT_PREFIXES.items() if version == SCHEMA_VERSION)
_SCHEMA = schema_name(SCHEMA_VERSION)
_UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
_YEAR_1, _YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000  # µs since the epoch
_FLAT = {"source": {"version": "service_version"}, "actor": {}, "reason": {}, "authorization": {}, "stream": {}}


def decode_values(reader: AvroReader, values: Sequence[bytes | None]) -> pa.Table:
    """Return a row for each value, with the columns of `RESULT`; `problem` is null where the value is an event."""
    parts: list[pa.Table] = []
    _decode(reader, values, parts)
    return pa.concat_tables(parts).combine_chunks() if parts else RESULT.empty_table()


def _decode(reader: AvroReader, values: Sequence[bytes | None], parts: list[pa.Table]) -> None:
    if len(values) <= _FEW:
        parts.append(_one_by_one(values))
        return
    table = _natively(reader, values)
    if table is not None:
        parts.append(table)
        return
    half = len(values) // 2
    _decode(reader, values[:half], parts)
    _decode(reader, values[half:], parts)


def _natively(reader: AvroReader, values: Sequence[bytes | None]) -> pa.Table | None:
    """Return the rows of values that are all events in their canonical encoding, None where one isn't."""
    bodies = []
    for value in values:
        if value is None or len(value) > _LONG or not value.startswith(_PREFIX):
            return None
        bodies.append(value[PREFIX_BYTES:])
    events = reader.read(_SCHEMA, len(bodies), bodies)
    if events is None:
        return None
    sizes = np.fromiter(map(len, bodies), np.int64, len(bodies))
    lengths, granted = canonical_lengths(events)
    if not np.array_equal(lengths, sizes) or not _booleans_hold(b"".join(bodies), sizes, granted):
        return None
    if not _is_valid(events):
        return None
    return _flattened(events)


def _booleans_hold(data: bytes, sizes: Any, granted: Any) -> bool:
    """Return whether each boolean is spelled 0 or 1."""
    starts = np.cumsum(sizes) - sizes
    places = (starts + granted)[granted >= 0]
    return bool((np.frombuffer(data, np.uint8)[places] <= 1).all())


def _is_valid(events: pa.StructArray) -> bool:
    """Return whether all events keep the rules of `AuditEvent` that a short, canonical encoding can break."""
    field = events.field
    source, actor, stream, resources = field("source"), field("actor"), field("stream"), field("resources")
    reason, occurred = field("reason"), field("occurred_at").cast(pa.int64())
    items, changes, attributes = resources.flatten(), field("changes"), field("attributes")
    filled = (
        field("action"),
        source.field("service"),
        source.field("environment"),
        actor.field("type"),
        actor.field("id"),
        stream.field("id"),
        items.field("type"),
        items.field("id"),
        changes.flatten().field("field"),
        attributes.keys,
    )
    counts = pc.list_value_length(resources)
    return (
        _all(pc.match_substring_regex(field("event_id"), _UUID7))
        and _all(pc.equal(field("schema_version"), SCHEMA_VERSION))
        and _all(pc.greater_equal(occurred, _YEAR_1))
        and _all(pc.less(occurred, _YEAR_10000))
        and all(_all(pc.greater(pc.binary_length(column), 0)) for column in filled)
        and _all(pc.greater_equal(counts, 1))
        and _all(pc.greater_equal(stream.field("sequence"), 0))
        and _all(pc.or_(pc.invert(pc.is_valid(reason)), pc.or_(_is_given(reason, "code"), _is_given(reason, "text"))))
        and all(_all(pc.less_equal(_counts(column), MAX_ITEMS)) for column in (resources, changes, attributes))
        and bool(sorted_maps(attributes).all())
    )


def _is_given(records: pa.StructArray, name: str) -> pa.Array:
    return pc.is_valid(pc.struct_field(records, name))


def _counts(lists: Any) -> pa.Array:
    return pa.array(np.diff(np.asarray(lists.offsets)))


def _all(flags: pa.Array) -> bool:
    """Return whether all are true; an empty sequence is."""
    return pc.all(flags, min_count=0).as_py() is True


def _flattened(events: pa.StructArray) -> pa.Table:
    """Turn the nested fields into columns."""
    columns: dict[str, pa.Array] = {}
    for number, part in enumerate(events.type):
        column = events.field(number)
        if part.name not in _FLAT:
            columns[part.name] = column
            continue
        for inner in part.type:
            columns[_column_name(part.name, inner.name)] = pc.struct_field(column, inner.name)
    columns["problem"] = pa.nulls(len(events), pa.string())
    return pa.table([columns[field.name].cast(field.type) for field in RESULT], schema=RESULT)


def _column_name(part: str, name: str) -> str:
    if part in {"actor", "reason", "stream"} and name in {"type", "id", "name", "code", "text", "sequence"}:
        return f"{part}_{name}"
    return _FLAT[part].get(name, name)


def _one_by_one(values: Sequence[bytes | None]) -> pa.Table:
    return pa.Table.from_pylist([_row(value) for value in values], schema=RESULT)


def _row(value: bytes | None) -> dict[str, Any]:
    """Return one value's row, by the strict decoder."""
    if value is None:
        return {"problem": NO_VALUE}
    try:
        event = decode_event(value)
    except DecodeError:
        return {"problem": UNDECODABLE}
    row: dict[str, Any] = {}
    for name in event.__dataclass_fields__:
        part = getattr(event, name)
        if name not in _FLAT:
            row[name] = part
        elif part is not None:
            row |= {_column_name(name, inner): value for inner, value in asdict(part).items()}
    row["resources"] = [asdict(resource) for resource in event.resources]
    row["changes"] = [asdict(change) for change in event.changes]
    row["attributes"] = list(event.attributes.items())
    return row
