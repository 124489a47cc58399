"""Values of records, decoded into columns by the thousand.

The result is that of `decode_event`, value by value: the same fields, and the same values refused. Columns are decoded
for all values at once. A batch with a value that is refused is halved until few are left, which are decoded one by one.
"""

import json
from dataclasses import asdict
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from auditseal_schemas.errors import DecodeError, MalformedError
from auditseal_schemas.event import SCHEMA_VERSION
from auditseal_schemas.event_codec import EVENT_PREFIXES, PREFIX_BYTES, decode_event, schema_name
from auditseal_schemas.schema import schema_text
from auditseal_search.avro_columns import Cursor, Places, decode_columns
from auditseal_search.columns import EVENT, NO_VALUE, UNDECODABLE

RESULT = pa.schema([*EVENT, pa.field("problem", pa.string())])

_FEW = 16  # values that are decoded one by one at once
_LONG = 64 * 1024  # bytes above which a value is decoded by itself: below, no text can exceed an event's limit
_PREFIX = next(prefix for prefix, version in EVENT_PREFIXES.items() if version == SCHEMA_VERSION)
_UUID7 = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"
YEAR_1, YEAR_10000 = -62_135_596_800_000_000, 253_402_300_800_000_000
"""The first µs since the epoch that a time can have, and the first that it can't."""
_FLAT = {"source": {"version": "service_version"}, "actor": {}, "reason": {}, "authorization": {}, "stream": {}}


def decode_values(data: bytes, starts: Places, ends: Places, present: npt.NDArray[np.bool_]) -> pa.Table:
    """Return a row for each value, with the columns of `RESULT`; `problem` is null where the value is an event.

    Args:
        data: The bytes that hold the values.
        starts: Where each value begins, ascending.
        ends: Where it ends.
        present: Whether there is a value; a null one has no bytes.
    """
    content = np.frombuffer(data, np.uint8)
    likely = present & _begin_as_events(content, starts, ends)
    rows = np.flatnonzero(likely)
    parts: list[pa.Table] = []
    _decode(content, starts[rows], ends[rows], parts)
    if len(rows) < len(starts):
        others = np.flatnonzero(~likely)
        given = [data[starts[row] : ends[row]] if present[row] else None for row in others]
        parts.append(_one_by_one(given))
        order = np.argsort(np.concatenate([rows, others]))
        return pa.concat_tables(parts).take(pa.array(order)).combine_chunks()
    return pa.concat_tables(parts).combine_chunks() if parts else RESULT.empty_table()


def _begin_as_events(content: npt.NDArray[np.uint8], starts: Places, ends: Places) -> npt.NDArray[np.bool_]:
    """Return whether each value begins as an event of this version, and is short enough for a batch."""
    sizes = ends - starts
    likely = (sizes >= PREFIX_BYTES) & (sizes <= _LONG)
    for number, byte in enumerate(_PREFIX):
        rows = np.flatnonzero(likely)
        likely[rows] = content[starts[rows] + number] == byte
    return likely


def _decode(content: npt.NDArray[np.uint8], starts: Places, ends: Places, parts: list[pa.Table]) -> None:
    if len(starts) <= _FEW:
        parts.append(_one_by_one([content[start:end].tobytes() for start, end in zip(starts, ends, strict=True)]))
        return
    try:
        parts.append(decode_events(content, starts, ends))
    except MalformedError:
        half = len(starts) // 2
        _decode(content, starts[:half], ends[:half], parts)
        _decode(content, starts[half:], ends[half:], parts)


def decode_events(content: npt.NDArray[np.uint8], starts: Places, ends: Places) -> pa.Table:
    """Return the rows of values that are all events, with the columns of `RESULT`.

    Args:
        content: The bytes that hold the values.
        starts: Where each value begins, ascending.
        ends: Where it ends; a value has at most 64 KiB.

    Raises:
        MalformedError: One is not an event in its one encoding.
    """
    cursor = Cursor(content, starts + PREFIX_BYTES, ends)
    events = decode_columns(_schema(), cursor)
    cursor.finish()
    _check(events)
    return _flattened(events)


@cache
def _schema() -> Any:
    return json.loads(schema_text(schema_name(SCHEMA_VERSION)))


def _check(events: pa.StructArray) -> None:
    """Check the rules of `AuditEvent` that a short, canonical encoding can break.

    Raises:
        MalformedError: An event breaks one.
    """
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
    rules = (
        pc.match_substring_regex(field("event_id"), _UUID7),
        pc.equal(field("schema_version"), SCHEMA_VERSION),
        pc.greater_equal(occurred, YEAR_1),
        pc.less(occurred, YEAR_10000),
        *(pc.greater(pc.binary_length(column), 0) for column in filled),
        pc.greater_equal(pc.list_value_length(resources), 1),
        pc.greater_equal(stream.field("sequence"), 0),
        pc.or_(pc.invert(pc.is_valid(reason)), pc.or_(_is_given(reason, "code"), _is_given(reason, "text"))),
        _keys_ascend(attributes),
    )
    if not all(map(_all, rules)):
        raise MalformedError("value", "it is not an event")


def _is_given(records: pa.StructArray, name: str) -> pa.Array:
    return pc.is_valid(pc.struct_field(records, name))


def _keys_ascend(maps: pa.MapArray) -> pa.Array:
    """Return whether each key but a map's first is above the one before it, by their UTF-8 bytes."""
    keys = maps.keys.cast(pa.binary())
    if len(keys) < 2:
        return pa.array([], pa.bool_())
    firsts = np.zeros(len(keys) + 1, np.bool_)
    firsts[np.asarray(maps.offsets)] = True
    return pc.or_(pc.less(keys[:-1], keys[1:]), pa.array(firsts[1:-1]))


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


def _one_by_one(values: list[bytes | None]) -> pa.Table:
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
