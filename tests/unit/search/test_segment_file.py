"""The rows of a segment's file are read some at once, however large its row groups are."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from auditseal_search.columns import ROW
from auditseal_search.segment_file import read_rows

COUNT = 30_000
MOST = 8 * 1024


def test_a_large_row_group_is_read_in_small_tables(tmp_path: Path) -> None:
    columns = {
        **{one.name: list(range(COUNT)) for one in ROW if not one.nullable},
        "attributes": [[(f"name {number}", "value")] * (number % 3) for number in range(COUNT)],
        "resources": [
            [{"name": f"document {number}"}] * (number % 4) if number % 5 else None for number in range(COUNT)
        ],
    }
    rows = pa.table([columns.get(one.name, pa.nulls(COUNT, one.type)) for one in ROW], schema=ROW)
    path = tmp_path / "segment.parquet"
    pq.write_table(rows, path, row_group_size=COUNT - 1_000)
    found = list(read_rows(path, "the segment"))
    assert pa.concat_tables(found).equals(rows)
    assert max(map(len, found)) == MOST
