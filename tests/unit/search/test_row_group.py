"""A row group: the same bytes however its rows came, bounds on rows and bytes, no table kept for a few rows."""

from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditseal_search import row_group
from auditseal_search.columns import ROW
from auditseal_search.row_group import RowGroup

COUNT = 30_000


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    numbers = pa.array(range(COUNT))
    columns = {
        **dict.fromkeys(("height", "index", "offset"), numbers),
        "value_bytes": pa.array([7] * COUNT),
        "event_id": pa.array([f"{number:036}" for number in range(COUNT)]),
        "action": pa.array([f"action {number % 9}" for number in range(COUNT)]),
    }
    return pa.table(
        [columns[one.name].cast(one.type) if one.name in columns else pa.nulls(COUNT, one.type) for one in ROW],
        schema=ROW,
    )


def pieces(rows: pa.Table, sizes: Sequence[int]) -> Iterator[pa.Table]:
    start, following = 0, cycle(sizes)
    while start < len(rows):
        part = rows.slice(start, next(following))
        yield part
        start += len(part)


def write(path: Path, parts: Iterator[pa.Table]) -> bytes:
    group = RowGroup()
    for part in parts:
        assert not len(group.take(part))
    with pq.ParquetWriter(path, ROW, data_page_size=4096) as writer:
        writer.write_table(group.table())
    return path.read_bytes()


@pytest.mark.parametrize("sizes", [(1_000,), (7, 3_001), (8_192,), (9_000, 1)])
def test_the_file_does_not_depend_on_how_the_rows_came(rows: pa.Table, tmp_path: Path, sizes: Sequence[int]) -> None:
    assert write(tmp_path / "parts", pieces(rows, sizes)) == write(tmp_path / "whole", iter([rows]))


def test_a_group_closes_at_its_number_of_rows(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_group, "ROW_GROUP", 25_000)
    group = RowGroup()
    assert len(group.take(rows.slice(0, 24_999))) == 0
    assert not group.is_full
    rest = group.take(rows.slice(24_999))
    assert (group.is_full, group.rows, rest["height"][0].as_py()) == (True, 25_000, 25_000)
    assert group.table().equals(rows.slice(0, 25_000))


@pytest.mark.parametrize(("most", "expected"), [(70, 10), (71, 11), (7, 1), (1, 1)])
def test_a_group_closes_with_the_row_that_reaches_its_bytes(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch, most: int, expected: int
) -> None:
    monkeypatch.setattr(row_group, "GROUP_BYTES", most)
    group = RowGroup()
    rest = group.take(rows)
    assert (group.is_full, group.rows, len(rest)) == (True, expected, COUNT - expected)


def test_a_few_rows_do_not_keep_the_table_that_they_came_in(rows: pa.Table) -> None:
    group = RowGroup()
    for part in pieces(rows, [100]):
        group.take(part)
    assert group.table().get_total_buffer_size() < 1.2 * rows.nbytes
    assert all(column.num_chunks <= 1 + COUNT // 8_192 for column in group.table().columns)
