"""Canonical Avro values, decoded into columns: one field of all values at a time, not one value after the other.

It takes what the core's strict decoder takes and refuses the rest: minimal varints (Avro 1.12, Binary Encoding), arrays
and maps as one block, booleans that are 0 or 1, UTF-8, no byte left over. Only the rules of the schema are checked.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.event_check import MAX_ITEMS

Places = npt.NDArray[np.int64]
_MOST_BYTES = (1 << 31) - 1  # offsets of Arrow's texts have 32 bits
_LONG_BYTES = 10


class Cursor:
    """The next byte to read of each of several values that are in one buffer, in ascending order.

    Attributes:
        at: Where each value is read next.
    """

    def __init__(self, data: npt.NDArray[np.uint8], at: Places, end: Places) -> None:
        """Take the buffer, and where each value begins and ends in it.

        Raises:
            MalformedError: The buffer is larger than 2 GiB.
        """
        if len(data) > _MOST_BYTES:
            raise MalformedError("values", "they are too many for one batch")
        self.data, self.at, self._end = data, at, end

    def __len__(self) -> int:
        return len(self.at)

    def of(self, rows: Places) -> "Cursor":
        """Return a cursor over some of the values; `merge` takes its places back."""
        return Cursor(self.data, self.at[rows], self._end[rows])

    def merge(self, rows: Places, part: "Cursor") -> None:
        """Continue some of the values where a cursor over them is."""
        self.at[rows] = part.at

    def byte(self) -> npt.NDArray[np.uint8]:
        """Return the next byte of each value, or of the value after it: `finish` finds that out.

        Raises:
            MalformedError: The buffer ends before it.
        """
        try:
            found = self.data[self.at]
        except IndexError as error:
            raise MalformedError("value", "it is cut off") from error
        self.at = self.at + 1
        return found

    def unsigned(self) -> npt.NDArray[np.uint64]:
        """Return the next varint of each value.

        Raises:
            MalformedError: One is cut off, is not minimal, or has more than 64 bits.
        """
        first = self.byte()
        value = (first & 0x7F).astype(np.uint64)
        rows = np.flatnonzero(first > 0x7F)
        for shift in range(7, 7 * _LONG_BYTES, 7):
            if not len(rows):
                return value
            part = self.of(rows)
            more = part.byte()
            self.merge(rows, part)
            if (more == 0).any() or (shift == 63 and (more > 1).any()):
                raise MalformedError("long", "it is not minimal or has more than 64 bits")
            value[rows] |= (more & 0x7F).astype(np.uint64) << np.uint64(shift)
            rows = rows[more > 0x7F]
        if len(rows):
            raise MalformedError("long", "it has more than 10 bytes")
        return value

    def long(self) -> Places:
        """Return the next long of each value; errors as `unsigned`."""
        zigzag = self.unsigned()
        return (zigzag >> np.uint64(1)).astype(np.int64) ^ -(zigzag & np.uint64(1)).astype(np.int64)

    def text(self) -> tuple[Places, Places]:
        """Return where the next text of each value begins and ends.

        Raises:
            MalformedError: One is cut off.
        """
        length = self.long()
        start = self.at
        if (length < 0).any() or (length > self._end - start).any():
            raise MalformedError("text", "it is cut off")
        self.at = start + length
        return start, self.at

    def present(self) -> npt.NDArray[np.bool_]:
        """Return whether the next optional field of each value is there.

        Raises:
            MalformedError: A branch is neither null nor the other one.
        """
        branch = self.byte()
        if (branch & 0xFD).any():
            raise MalformedError("union", "it has no such branch")
        return branch.astype(np.bool_)

    def optional_text(self) -> tuple[Places, Places, npt.NDArray[np.bool_]]:
        """Return where the next optional text of each value begins and ends, and whether it is there."""
        present = self.present()
        rows = np.flatnonzero(present)
        if len(rows) == len(self):
            return *self.text(), present
        part = self.of(rows)
        starts, ends = self.at.copy(), self.at.copy()
        starts[rows], ends[rows] = part.text()
        self.merge(rows, part)
        return starts, ends, present

    def finish(self) -> None:
        """Check that every value was read to its end, and not beyond.

        Raises:
            MalformedError: Bytes follow one, or it is cut off.
        """
        if (self.at != self._end).any():
            raise MalformedError("value", "it ends elsewhere")


def decode_columns(schema: Any, cursor: Cursor) -> pa.Array:
    """Return the next part of each value as an Arrow array.

    Args:
        schema: The part's schema, as parsed JSON: a type's name or an object (Avro 1.12, Schema Declaration).
        cursor: Where the values are read.

    Raises:
        MalformedError: A value is not in the canonical encoding.
    """
    if isinstance(schema, list):
        return _optional(schema[1], cursor)
    if isinstance(schema, str):
        return _PRIMITIVES[schema](cursor)
    read = _COMPLEX.get(schema["type"])
    if read:
        return read(schema, cursor)
    column = decode_columns(schema["type"], cursor)
    return column.cast(pa.timestamp("us", "UTC")) if schema.get("logicalType") == "timestamp-micros" else column


def _optional(schema: Any, cursor: Cursor) -> pa.Array:
    if schema == "string":
        return _texts(cursor, pa.string(), *cursor.optional_text())
    present = cursor.present()
    rows = np.flatnonzero(present)
    part = cursor.of(rows)
    column = decode_columns(schema, part)
    cursor.merge(rows, part)
    return column if len(rows) == len(present) else column.take(pa.array(np.cumsum(present) - 1, mask=~present))


def _texts(
    cursor: Cursor, kind: pa.DataType, starts: Places, ends: Places, present: npt.NDArray[np.bool_] | None = None
) -> pa.Array:
    """Return texts that are in the buffer, in ascending order: every other one of all that their places bound."""
    count = len(starts)
    if not count or (present is not None and not present.any()):
        return pa.nulls(count, kind)
    bounds = np.empty(2 * count, np.int32)
    bounds[0::2], bounds[1::2] = starts, ends
    whole = pa.Array.from_buffers(kind, 2 * count - 1, [None, pa.py_buffer(bounds), pa.py_buffer(cursor.data)])
    wanted = pa.array(np.arange(0, 2 * count, 2, dtype=np.int32), mask=None if present is None else ~present)
    column = whole.take(wanted)
    try:
        column.validate(full=True)
    except pa.ArrowInvalid as error:
        raise MalformedError("text", "it is not UTF-8") from error
    return column


def _int(cursor: Cursor) -> pa.Array:
    value = cursor.long()
    if (value != value.astype(np.int32)).any():
        raise MalformedError("int", "it has more than 32 bits")
    return pa.array(value.astype(np.int32))


def _boolean(cursor: Cursor) -> pa.Array:
    value = cursor.byte()
    if (value > 1).any():
        raise MalformedError("boolean", "it is neither 0 nor 1")
    return pa.array(value == 1)


def _enum(schema: Any, cursor: Cursor) -> pa.Array:
    index, symbols = cursor.long(), schema["symbols"]
    if ((index < 0) | (index >= len(symbols))).any():
        raise MalformedError("enum", "it has no such symbol")
    return pa.array(symbols, pa.string()).take(pa.array(index))


def _record(schema: Any, cursor: Cursor) -> pa.Array:
    fields = schema["fields"]
    columns = [decode_columns(field["type"], cursor) for field in fields]
    return pa.StructArray.from_arrays(columns, names=[field["name"] for field in fields])


def _array(schema: Any, cursor: Cursor) -> pa.Array:
    offsets, items = _items(schema["items"], cursor)
    return pa.ListArray.from_arrays(offsets, items)


def _map(schema: Any, cursor: Cursor) -> pa.Array:
    entry = {
        "type": "record",
        "fields": [{"name": "key", "type": "string"}, {"name": "value", "type": schema["values"]}],
    }
    offsets, items = _items(entry, cursor)
    return pa.MapArray.from_arrays(offsets, items.field(0), items.field(1))


def _items(schema: Any, cursor: Cursor) -> tuple[pa.Array, pa.Array]:
    """Return where each value's items begin, and all items: the first ones of all values are read first."""
    counts = cursor.long()
    if ((counts < 0) | (counts > MAX_ITEMS)).any():
        raise MalformedError("array", "it is not one block of at most 1,000 items")
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    columns, places = [], []
    for number in range(max(1, int(counts.max(initial=0)))):
        rows = np.flatnonzero(counts > number)
        part = cursor.of(rows)
        columns.append(decode_columns(schema, part))
        cursor.merge(rows, part)
        places.append(offsets[rows] + number)
    rows = np.flatnonzero(counts > 0)
    part = cursor.of(rows)
    if part.byte().any():
        raise MalformedError("array", "it is not one block")
    cursor.merge(rows, part)
    items = columns[0]
    if len(columns) > 1:
        items = pa.concat_arrays(columns).take(pa.array(np.argsort(np.concatenate(places))))
    return pa.array(offsets.astype(np.int32)), items


_PRIMITIVES: dict[str, Callable[[Cursor], pa.Array]] = {
    "string": lambda cursor: _texts(cursor, pa.string(), *cursor.text()),
    "bytes": lambda cursor: _texts(cursor, pa.binary(), *cursor.text()),
    "int": _int,
    "long": lambda cursor: pa.array(cursor.long()),
    "boolean": _boolean,
}
_COMPLEX: dict[str, Callable[[Any, Cursor], pa.Array]] = {
    "enum": _enum,
    "record": _record,
    "array": _array,
    "map": _map,
}
