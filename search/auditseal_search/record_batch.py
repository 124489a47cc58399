"""The records of verified blocks as rows of an index."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from auditseal_schemas.block import Block
from auditseal_search.avro_reader import AvroReader
from auditseal_search.columns import OVERSIZE, ROW, UNREADABLE_HEADERS
from auditseal_search.event_batch import decode_values


def rows_of(reader: AvroReader, blocks: Sequence[Block]) -> pa.Table:
    """Return a row for each record of blocks that were verified, in their order, with the columns of `ROW`.

    Raises:
        MalformedError: A block's records don't inflate or parse: it wasn't verified.
    """
    parts = [content for block in blocks for _, content in block.inflated_chunks()]
    count = sum(block.header.count for block in blocks)
    if not count:
        return ROW.empty_table()
    records = reader.read("sealed_record", count, parts)
    if records is None:
        return pa.concat_tables(_slow_rows(reader, block) for block in blocks)
    values = records.field("value")
    return _joined(
        blocks,
        offsets=records.field("offset"),
        timestamps=records.field("timestamp"),
        values=values.to_pylist(),
        sizes=pc.binary_length(values),
        oversize=records.field("oversize").is_valid(),
        unreadable=records.field("headers").is_null(),
        reader=reader,
    )


def _slow_rows(reader: AvroReader, block: Block) -> pa.Table:
    """Return one block's rows by the core's own parser, which takes what the native one may refuse."""
    records = list(block.records())
    values = [record.value for record in records]
    return _joined(
        [block],
        offsets=pa.array([record.offset for record in records], pa.int64()),
        timestamps=pa.array([record.timestamp for record in records], pa.int64()),
        values=values,
        sizes=pa.array([None if value is None else len(value) for value in values], pa.int64()),
        oversize=pa.array([record.oversize is not None for record in records], pa.bool_()),
        unreadable=pa.array([record.headers is None and record.oversize is None for record in records], pa.bool_()),
        reader=reader,
    )


def _joined(
    blocks: Sequence[Block],
    *,
    offsets: pa.Array,
    timestamps: pa.Array,
    values: list[bytes | None],
    sizes: pa.Array,
    oversize: pa.Array,
    unreadable: pa.Array,
    reader: AvroReader,
) -> pa.Table:
    """Put the places, the events and the problems of records together."""
    counts = np.array([block.header.count for block in blocks])
    heights = np.repeat(np.array([block.header.height for block in blocks]), counts)
    numbers = np.concatenate([np.arange(count) for count in counts]).astype(np.int32)
    events = decode_values(reader, values)
    problem = pc.if_else(pc.and_not(unreadable, oversize), UNREADABLE_HEADERS, events["problem"])
    columns = {
        "height": pa.array(heights),
        "index": pa.array(numbers),
        "offset": offsets,
        "timestamp": _times(timestamps),
        "value_bytes": sizes.cast(pa.int64()),
        "problem": pc.if_else(oversize, OVERSIZE, problem),
    }
    return pa.table([columns[field.name] if field.name in columns else events[field.name] for field in ROW], schema=ROW)


def _times(timestamps: pa.Array) -> pa.Array:
    """Return Kafka's timestamps in ms; -1 says that there is none."""
    none = pa.scalar(None, pa.timestamp("ms", "UTC"))
    return pc.if_else(pc.equal(timestamps, -1), none, timestamps.cast(pa.timestamp("ms", "UTC")))
