"""The records of verified blocks as rows of an index."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from auditseal_schemas.block import Block
from auditseal_schemas.registry_schema import PinnedSchema
from auditseal_search.avro_columns import Places
from auditseal_search.columns import OVERSIZE, ROW, UNREADABLE_HEADERS
from auditseal_search.event_batch import YEAR_1, YEAR_10000, decode_values
from auditseal_search.record_places import find_records


def rows_of(blocks: Sequence[Block], pinned: Sequence[PinnedSchema] = ()) -> pa.Table:
    """Return a row for each record of blocks that were verified, in their order, with the columns of `ROW`.

    Args:
        blocks: The blocks.
        pinned: The schemas of a registry that the trust file pins for their log.

    Raises:
        MalformedError: A block's records don't inflate or parse: it wasn't verified.
    """
    if not any(block.header.count for block in blocks):
        return ROW.empty_table()
    records = find_records(blocks, pinned)
    events = decode_values(records.data, records.starts, records.ends, records.present)
    counts = np.array([block.header.count for block in blocks])
    oversize = pa.array(records.oversize)
    problem = pc.if_else(pa.array(records.unreadable), UNREADABLE_HEADERS, events["problem"])
    columns = {
        "height": pa.array(np.repeat(np.array([block.header.height for block in blocks]), counts)),
        "index": pa.array(np.concatenate([np.arange(count, dtype=np.int32) for count in counts])),
        "offset": pa.array(records.offsets),
        "timestamp": _times(records.timestamps),
        "value_bytes": records.sizes,
        "registry_schema": records.schemas,
        "problem": pc.if_else(oversize, OVERSIZE, problem),
    }
    return pa.table([columns[field.name] if field.name in columns else events[field.name] for field in ROW], schema=ROW)


def _times(timestamps: Places) -> pa.Array:
    """Return Kafka's timestamps in ms; -1 says that there is none, and one outside of all calendars is none either."""
    none = (timestamps == -1) | (timestamps < YEAR_1 // 1000) | (timestamps >= YEAR_10000 // 1000)
    return pa.array(timestamps, mask=none).cast(pa.timestamp("ms", "UTC"))
