"""Runs among records, next to the same by plain Python."""

from collections import defaultdict
from random import Random

import pyarrow as pa
import pytest

from auditseal_search.stream_runs import TEXTS, FoldedRecords, fold_records

Record = tuple[str, int, str, str, str, int]
_NAMES = ("stream_id", "stream_sequence", "event_id", "service", "environment", "written")


def fold(*chunks: list[Record]) -> FoldedRecords:
    """Fold records that come in several tables, each with dictionaries of its own."""
    tables = [pa.table(list(zip(*chunk, strict=True)), names=_NAMES) for chunk in chunks]
    columns = [
        pa.chunked_array([table[name].dictionary_encode().chunk(0) if name in TEXTS else table[name].chunk(0)
                          for table in tables])
        for name in _NAMES
    ]  # fmt: skip
    return fold_records(pa.table(columns, names=_NAMES))


def rows(table: pa.Table) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in table.to_pylist()]


def plain_runs(records: list[Record]) -> list[tuple[object, ...]]:
    """Find the runs one number after the other."""
    streams = defaultdict[str, list[Record]](list)
    for record in records:
        streams[record[0]].append(record)
    found = []
    for stream, all_of in streams.items():
        runs: list[list[Record]] = []
        for record in sorted(all_of, key=lambda record: record[1]):
            if not runs or record[1] > runs[-1][-1][1] + 1:
                runs.append([])
            runs[-1].append(record)
        for run in runs:
            firsts = [record for record in run if record[1] == run[0][1]]
            service, environment = (min((one[field] for one in firsts), key=lambda text: text.encode())
                                    for field in (3, 4))  # fmt: skip
            written, latest = min(one[5] for one in firsts), max(one[5] for one in run)
            found.append((stream, run[0][1], run[-1][1], len(run), written, latest, service, environment))
    return sorted(found)


def plain_clashes(records: list[Record]) -> set[tuple[object, ...]]:
    events = defaultdict[tuple[str, int], set[str]](set)
    for stream, number, event, *_ in records:
        events[stream, number].add(event)
    return {place for place, ids in events.items() if len(ids) > 1}


@pytest.mark.parametrize("seed", range(20))
def test_runs_and_clashes_are_those_of_plain_python(seed: int) -> None:
    random = Random(seed)
    records = [
        (
            random.choice("abé\U0001f600"),
            random.choice((random.randrange(12), random.randrange(12), (1 << 63) - random.randrange(1, 4))),
            random.choice("123"),
            random.choice(("\uffff", "\U00010000", "s", "")),
            random.choice("pq"),
            random.randrange(-3, 50),
        )
        for _ in range(random.randrange(1, 60))
    ]
    cut = random.randrange(1, len(records) + 1)
    found = fold(*(part for part in (records[:cut], records[cut:]) if part))
    assert sorted(rows(found.runs)) == plain_runs(records)
    assert set(rows(found.clashes)) == plain_clashes(records)
    assert sorted(rows(found.sightings)) == sorted(record[:3] for record in records)


def test_records_of_a_stream_are_next_to_each_other_in_the_order_of_their_numbers() -> None:
    found = fold([("b", 1, "1", "s", "e", 0), ("a", 0, "2", "s", "e", 0), ("b", 0, "3", "s", "e", 0)])
    assert rows(found.sightings) == [("b", 0, "3"), ("b", 1, "1"), ("a", 0, "2")]
