"""How many bytes the canonical encoding of each event of a batch takes, from the decoded columns alone.

A native Avro decoder is fast and lenient: it takes padded varints, arrays in several blocks and bytes that follow. But
no encoding of a value is shorter than the canonical one. So where each row's canonical length is the length of the
bytes that the row came from, every row was read from its own bytes, and those are the canonical ones. What is left to
check has several spellings of one length: the byte of a boolean, and the order of a map.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Ints = Any  # numpy's int64 array


def canonical_lengths(events: pa.StructArray) -> tuple[Ints, Ints]:
    """Return each event's canonical length, and where in it the byte of `authorization.granted` is, -1 for none.

    Args:
        events: Events as decoded by their Avro schema: one struct a row, no row null.
    """
    field = events.field
    source, actor, stream = field("source"), field("actor"), field("stream")
    reason, authorization = field("reason"), field("authorization")
    before = (
        _text(field("event_id"))
        + _long(field("schema_version"))
        + _optional(field("event_type"))
        + _long(field("occurred_at").cast(pa.int64()))
        + _optional(field("tenant"))
        + 1  # the category's index
        + _record(source, "version", "instance", "region")
        + _record(actor, "name", "auth_method", "session_id", "on_behalf_of", "ip", "user_agent")
        + _text(field("action"))
        + _items(field("resources"), lambda items: _record(items, "name", "parent"))
        + 1  # the outcome's index
        + _optional(field("status_code"))
        + _optional_record(reason, "code", "text")
        + 1  # the branch of the authorization
    )
    granted = _present(authorization)
    after = (
        granted * (1 + _optional(_child(authorization, "permission")) + _optional(_child(authorization, "policy")))
        + _items(field("changes"), lambda items: _record(items, "before", "after"))
        + _optional(field("trace_id"))
        + _optional(field("span_id"))
        + _optional(field("correlation_id"))
        + _text(stream.field("id"))
        + _long(stream.field("sequence"))
        + _items(field("attributes"), lambda items: _text(items.field(0)) + _text(items.field(1)))
    )
    return before + after, np.where(granted == 1, before, -1)


def sorted_maps(maps: pa.MapArray) -> Any:
    """Return whether each map's keys ascend strictly by their UTF-8 bytes."""
    offsets = np.asarray(maps.offsets)
    keys = maps.keys[offsets[0] : offsets[-1]] if len(maps) else maps.keys
    rises = np.ones(max(0, len(keys) - 1), bool)
    if len(keys) > 1:
        rises = np.asarray(pc.less(keys[:-1].cast(pa.binary()), keys[1:].cast(pa.binary())))
    starts = np.zeros(len(keys) + 1, bool)
    starts[offsets - offsets[0]] = True
    falls = np.zeros(len(keys) + 1, np.int64)
    falls[1 : len(keys)] = ~rises & ~starts[1 : len(keys)]
    return _sums(falls[: len(keys)], offsets - offsets[0]) == 0


def _sums(values: Ints, offsets: Ints) -> Ints:
    """Return the sum of each run of values that the offsets bound."""
    total = np.concatenate([np.zeros(1, np.int64), np.cumsum(values)])
    result: Ints = total[offsets[1:]] - total[offsets[:-1]]
    return result


def _size_of(length: Ints) -> Ints:
    """Return the bytes of a varint that holds a number from 0 up (Avro 1.12: zigzag, 7 bits a byte)."""
    return 1 + (length >= 1 << 6) + (length >= 1 << 13) + (length >= 1 << 20) + (length >= 1 << 27)


def _long(column: pa.Array) -> Ints:
    value = np.asarray(column.cast(pa.int64()))
    zigzag = (value.astype(np.uint64) << np.uint64(1)) ^ (value >> 63).astype(np.uint64)
    sizes = np.ones(len(value), np.int64)
    for power in range(7, 64, 7):
        sizes += zigzag >= np.uint64(1 << power)
    return sizes


def _lengths(column: pa.Array) -> Ints:
    return np.asarray(pc.fill_null(pc.binary_length(column), 0)).astype(np.int64)


def _text(column: pa.Array) -> Ints:
    length = _lengths(column)
    return _size_of(length) + length


def _present(column: pa.Array) -> Ints:
    return np.asarray(column.is_valid()).astype(np.int64)


def _optional(column: pa.Array) -> Ints:
    return 1 + _present(column) * _text(column)


def _record(records: pa.StructArray, *optional: str) -> Ints:
    """Return the bytes of records of texts, of which those that are named may be null."""
    total = np.zeros(len(records), np.int64)
    for number, field in enumerate(records.type):
        total += (_optional if field.name in optional else _text)(records.field(number))
    return total


def _optional_record(records: pa.StructArray, *optional: str) -> Ints:
    inner = np.zeros(len(records), np.int64)
    for name in optional:
        inner += _optional(_child(records, name))
    return 1 + _present(records) * inner


def _child(records: pa.StructArray, name: str) -> pa.Array:
    """Return a field of records that may be null, null where the record is."""
    return pc.struct_field(records, name)


def _items(lists: Any, item_lengths: Any) -> Ints:
    """Return the bytes of arrays: one block of items, or none, and the end."""
    offsets = np.asarray(lists.offsets)
    items = lists.values[offsets[0] : offsets[-1]] if len(lists) else lists.values
    counts = np.diff(offsets).astype(np.int64)
    inner = _sums(item_lengths(items), offsets - offsets[0])
    return np.where(counts == 0, 1, _size_of(counts) + inner + 1)
