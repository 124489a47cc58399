"""Where the records of verified blocks are in their inflated bytes, and what is sealed with each value.

Records follow each other without a mark between them. Nearly all values are events, and begin with the same ten bytes:
these are searched for, and then every byte around them is accounted for. Other records are read one by one. Those that
name a schema of a registry become encoded events then.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from auditseal_schemas.block import Block
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.event_codec import EVENT_PREFIXES
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.registry_schema import PinnedSchema, read_value
from auditseal_search.avro_columns import Cursor, Places, decode_columns

_EVENT = re.compile(b"|".join(map(re.escape, EVENT_PREFIXES)))
_LONGEST_LENGTH = 5  # bytes of the varint before a value, which the blocks' limits bound
_AFTER_VALUE = 2  # a plain record ends with no oversize and no salt: two zeros
_HEADERS = {
    "type": "array",
    "items": {
        "type": "record",
        "fields": [{"name": "key", "type": "string"}, {"name": "value", "type": ["null", "bytes"]}],
    },
}


@dataclass(frozen=True, slots=True)
class RecordPlaces:
    """Records of blocks, in order.

    Attributes:
        data: The bytes that hold their values, as encoded events where the schema that a record names is pinned.
        starts: Where each value begins.
        ends: Where it ends.
        sizes: The bytes of each value as it was sealed, null for no value.
        schemas: The id of the registry's schema that each record names, null where it names none.
        offsets: Kafka's offset of each record.
        timestamps: The broker's time in ms since the epoch, -1 for none.
        present: Whether a record has a value.
        oversize: Whether it was too large to be sealed with its value.
        unreadable: Whether its headers could not be read.
    """

    data: bytes
    starts: Places
    ends: Places
    sizes: pa.Array
    schemas: pa.Array
    offsets: Places
    timestamps: Places
    present: npt.NDArray[np.bool_]
    oversize: npt.NDArray[np.bool_]
    unreadable: npt.NDArray[np.bool_]


def find_records(blocks: Sequence[Block], pinned: Sequence[PinnedSchema] = ()) -> RecordPlaces:
    """Return the places of the records of blocks that were verified.

    Args:
        blocks: The blocks.
        pinned: The schemas of a registry that the trust file pins for their log.

    Raises:
        MalformedError: A block's records don't inflate or parse: it wasn't verified.
    """
    data = b"".join(content for block in blocks for _, content in block.inflated_chunks())
    count = sum(block.header.count for block in blocks)
    try:
        return _events_alone(data, count)
    except MalformedError:
        return _one_by_one((record for block in blocks for record in block.records()), pinned)


def _events_alone(data: bytes, count: int) -> RecordPlaces:
    """Return the places of records that all have an event as their value, and neither a salt nor unreadable headers.

    A value's length is before it, so its end is known, and where the next record begins. Each record is then read up
    to its value, and must arrive there. So these are the records that the core counted, one after the other.

    Raises:
        MalformedError: They are other records.
    """
    content = np.frombuffer(data, np.uint8)
    values = np.array([found.start() for found in _EVENT.finditer(data)], np.int64)
    if len(values) != count:
        raise MalformedError("value", "some are not events")
    lengths, branches = _lengths_before(content, values)
    ends = values + lengths
    begins = np.concatenate([np.zeros(1, np.int64), ends + _AFTER_VALUE])
    if (content[ends] | content[ends + 1]).any():
        raise MalformedError("record", "some are not plain")
    cursor = Cursor(content, begins[:-1], branches)
    offsets, timestamps = cursor.long(), cursor.long()
    cursor.optional_text()
    readable = cursor.present()
    if not readable.all():
        raise MalformedError("headers", "some are unreadable")
    decode_columns(_HEADERS, cursor)
    cursor.finish()
    yes, no = np.ones(count, np.bool_), np.zeros(count, np.bool_)
    none = pa.nulls(count, pa.string())
    return RecordPlaces(data, values, ends, pa.array(lengths), none, offsets, timestamps, yes, no, no)


def _lengths_before(content: npt.NDArray[np.uint8], values: Places) -> tuple[Places, Places]:
    """Return the length of each value, read backwards from it, and where its branch is, which must be 1.

    The bytes of a varint but the last have their high bit set, and the branch before it has not.

    Raises:
        MalformedError: Some have no value.
    """
    at = values - 2
    for _ in range(_LONGEST_LENGTH):
        longer = np.flatnonzero(content[at] > 0x7F)
        at[longer] -= 1
    cursor = Cursor(content, at.copy(), values)
    if not cursor.present().all():
        raise MalformedError("value", "some are null")
    lengths = cursor.long()
    cursor.finish()
    if (lengths < 0).any() or (values + lengths + _AFTER_VALUE > len(content)).any():
        raise MalformedError("value", "some are cut off")
    return lengths, at


def _one_by_one(records: Iterable[SealedRecord], pinned: Sequence[PinnedSchema]) -> RecordPlaces:
    """Return the places of records of any kind, whose values are copied."""
    every = list(records)
    values = [read_value(record, pinned) for record in every]
    ends = np.cumsum(np.array([len(read.value or b"") for read in values], np.int64))
    return RecordPlaces(
        b"".join(read.value or b"" for read in values),
        np.concatenate([np.zeros(1, np.int64), ends[:-1]]),
        ends,
        pa.array([None if record.value is None else len(record.value) for record in every], pa.int64()),
        pa.array([read.schema_id for read in values], pa.string()),
        np.array([record.offset for record in every], np.int64),
        np.array([record.timestamp for record in every], np.int64),
        np.array([record.value is not None for record in every], np.bool_),
        np.array([record.oversize is not None for record in every], np.bool_),
        np.array([record.headers is None and record.oversize is None for record in every], np.bool_),
    )
