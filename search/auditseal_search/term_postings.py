"""All terms of one field of a segment with their postings, made column by column and not record by record."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from auditseal_schemas.term import KEY_PREFIX
from auditseal_search.term_columns import TermColumn

Ints = Any  # numpy's int64 array
_SMALL = 1 << 16  # numpy sorts numbers of 16 bits by radix, the others by merging


@dataclass(frozen=True, slots=True)
class FieldTerms:
    """The terms of one field, in any order; all arrays have one entry for each.

    Attributes:
        keys: The keys: rows of 32 bytes.
        items: The number of the value in the list of the first record that has it.
        postings: The postings, as `encode_postings` gives them.
    """

    keys: Any
    items: Any
    postings: pa.LargeBinaryArray


def field_terms(field: str, place: TermColumn, column: pa.ChunkedArray, offsets: Ints) -> FieldTerms:
    """Return the terms that a column of a segment holds.

    Args:
        field: The field of the terms.
        place: Where the column has its values.
        column: The column; where it is a list, of the member's values alone.
        offsets: The Kafka offset of each row, counted from the segment's first offset.
    """
    values, rows, items = _values(place, column)
    del column  # a segment's ids have some 40 MB, and each copy as many
    encoded = pc.dictionary_encode(values)
    del values
    numbers, count = np.asarray(encoded.indices), len(encoded.dictionary)
    order = _order(numbers, count)
    numbers, rows, items = numbers[order], rows[order], items[order]
    if place.member is not None:  # a record can have a value twice
        once = np.ones(len(rows), bool)
        once[1:] = (numbers[1:] != numbers[:-1]) | (rows[1:] != rows[:-1])
        numbers, rows, items = numbers[once], rows[once], items[once]
    starts = np.searchsorted(numbers, np.arange(count))
    return FieldTerms(_keys(field, encoded.dictionary), items[starts].astype(np.int32), _encode(offsets[rows], starts))


def _values(place: TermColumn, column: pa.ChunkedArray) -> tuple[pa.Array, Ints, Ints]:
    """Return all values that aren't null, the row of each, and its number in the row's list."""
    whole = column.combine_chunks()
    if place.member is None:
        rows = np.arange(len(whole), dtype=np.int32)
        items, values = np.zeros(len(whole), np.int32), whole
    else:
        rows, values = np.asarray(pc.list_parent_indices(whole)), whole.flatten().field(place.member)
        lengths = np.asarray(pc.fill_null(pc.list_value_length(whole), 0))
        items = np.arange(len(rows)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    valid = np.asarray(values.is_valid())
    texts = pc.if_else(values, "true", "false") if pa.types.is_boolean(values.type) else values
    return texts.drop_null(), rows[valid], items[valid]


def _order(numbers: Ints, count: int) -> Any:
    """Return the stable order by number; dictionary encoding numbers values as they come."""
    if count == len(numbers):
        return slice(None)
    return np.argsort(numbers.astype(np.uint16) if count <= _SMALL else numbers, kind="stable")


def _keys(field: str, values: pa.Array) -> Any:
    """Return `Term.key` of each value: the one hash that each different value costs."""
    start, keys = KEY_PREFIX + field.encode() + b"\x00", bytearray()
    for first in range(0, len(values), _SMALL):  # few of Python's objects at a time
        part = values[first : first + _SMALL].cast(pa.binary()).to_pylist()
        keys += b"".join([sha256(start + value).digest() for value in part])
    return np.frombuffer(keys, np.uint8).reshape(-1, 32)


def _encode(offsets: Ints, starts: Ints) -> pa.LargeBinaryArray:
    """Return the postings of terms, whose offsets follow each other and begin at `starts`."""
    steps = np.diff(offsets, prepend=0)
    steps[starts] = offsets[starts]
    sizes = np.ones(len(steps), np.uint8)
    for power in range(7, 63, 7):
        sizes += steps >= 1 << power
    ends = np.cumsum(sizes, dtype=np.int64)
    data = np.empty(ends[-1] if len(ends) else 0, np.uint8)
    for place in range(int(sizes.max(initial=0))):
        has = sizes > place
        more = sizes[has] > place + 1
        data[(ends - sizes)[has] + place] = (steps[has] >> 7 * place & 0x7F) | more.astype(np.int64) << 7
    bounds = np.append((ends - sizes)[starts], len(data))
    buffers = [None, pa.py_buffer(bounds), pa.py_buffer(data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(starts), buffers)
