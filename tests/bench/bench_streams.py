"""`auditseal streams` over many events of 10,000 streams: time and memory, next to reading and verifying alone.

    python -m tests.bench.bench_streams EVENTS [FOLDER]

A vault that is in the folder already is measured as it is: sealing 10,000,000 events takes longer than reading them.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random

import duckdb
import pyarrow.parquet as pq

from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_parts import Actor, Outcome, Resource, Source, Stream
from auditseal_schemas.header import TIMESTAMP_CREATE
from auditseal_search.range_pool import RangePool
from auditseal_search.stream_ledger import COLUMNS
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.head import head_height
from tests.bench.bench_verify import ORIGIN, TRUST, make_vault, peaks_of
from tests.bench.steps import say
from tests.bench.targets import Below, Figures, Row, show
from tests.factory.messages import Message

STREAMS = 10_000
JOBS = 2
_BEGAN = datetime(2026, 11, 28, tzinfo=UTC)
_COUNT = "SELECT count(*) FROM (SELECT stream_id, count(DISTINCT stream_sequence) FROM '{}' GROUP BY stream_id)"

TARGETS: list[Row] = [
    ("streams", "seconds", "auditseal streams, two processes, start included, s for 10,000,000 events", Below(60)),
    ("streams", "reading_seconds", "reading, verifying and decoding the same alone, s for 10,000,000", None),
    ("streams", "ratio", "the first / the second", Below(1.5)),
    ("streams", "duckdb_seconds", "a bare DuckDB that counts numbers by stream in Parquet, s for 10,000,000", None),
    ("streams", "peak_pss_mib", "its memory, all processes, pages they share counted once, MiB", Below(512)),
    ("streams", "peak_mib", "the same, all processes' peaks added up, MiB", None),
]


def messages(events: int) -> Iterator[Message]:
    """Yield events of all streams, in random order among the streams."""
    generator, began = Random(1), int(_BEGAN.timestamp() * 1000)
    numbers = [0] * STREAMS
    ids = [f"0191e3a0-0000-7000-8000-{number:012x}" for number in range(STREAMS)]
    sources = [
        Source(service=f"service-{number}", environment="bench", instance=f"pod-{number}") for number in range(50)
    ]
    actors = [Actor("user", f"u-{number}") for number in range(1_000)]
    resources = [[Resource("invoice", f"i-{number}")] for number in range(1_000)]
    for offset in range(events):
        stream = generator.randrange(STREAMS)
        event = AuditEvent(
            event_id=f"0191e3a0-{offset >> 16 & 0xFFFF:04x}-7{offset >> 4 & 0xFFF:03x}-8000-{offset:012x}",
            occurred_at=_BEGAN + timedelta(microseconds=37 * offset),
            source=sources[stream % 50],
            actor=actors[offset % 1_000],
            action="invoice.read",
            resources=resources[offset * 7 % 1_000],
            outcome=Outcome.SUCCESS,
            stream=Stream(ids[stream], numbers[stream]),
        )
        numbers[stream] += 1
        yield Message(offset, encode_event(event), ids[stream].encode(), [], began + offset // 20, TIMESTAMP_CREATE)


def measure(directory: Path, events: int) -> Figures:
    """Return all figures; times are scaled to 10,000,000 events."""
    scale = 10_000_000 / events
    reading = _read_alone(directory, directory / "numbers.parquet")
    began = time.perf_counter()
    with duckdb.connect() as database:
        found = database.execute(_COUNT.format(directory / "numbers.parquet")).fetchone()
    counted = time.perf_counter() - began
    if found is None or found[0] > STREAMS:
        raise RuntimeError(f"DuckDB found {found} streams")
    began = time.perf_counter()
    peaks = peaks_of(["streams", "--trust", str(directory / "trust.txt"), "--jobs", str(JOBS)])
    seconds = time.perf_counter() - began
    return {
        "seconds": seconds * scale,
        "reading_seconds": reading * scale,
        "ratio": seconds / reading,
        "duckdb_seconds": counted * scale,
        **peaks,
    }


def _read_alone(directory: Path, numbers: Path) -> float:
    """Return the seconds that reading takes without looking at streams; keeps their numbers in a Parquet file."""
    writing, writer = 0.0, None
    began = time.perf_counter()
    with RangePool(partial(DirectoryVault, directory / "vault"), JOBS, columns=COLUMNS) as pool:
        head = head_height(pool.vault, ORIGIN)
        assert head is not None
        for found in pool.ranges(0, head, TRUST.logs[0]):
            started = time.perf_counter()
            rows = found.rows.select(["stream_id", "stream_sequence"])
            writer = writer or pq.ParquetWriter(numbers, rows.schema)
            writer.write_table(rows)
            writing += time.perf_counter() - started
    seconds = time.perf_counter() - began - writing
    assert writer is not None
    writer.close()
    return seconds


def main(events: int, directory: Path) -> int:
    """Seal unless that was done, measure and print; return 1 where a target is missed."""
    if not (directory / "trust.txt").exists():
        say(f"sealing {events:,} events")
        make_vault(directory, messages(events))
    return show(TARGETS, {"streams": measure(directory, events)})


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="auditseal-bench-") as name:
        sys.exit(main(int(sys.argv[1]), Path((*sys.argv, name)[2])))
