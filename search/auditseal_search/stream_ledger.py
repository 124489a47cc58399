"""The numbers of every stream, gathered from the rows of sealed logs in a database on disk.

Streams and numbers are the claims of their writers. Any number of them is taken, and memory stays bounded.
"""

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from auditseal_schemas.errors import EventError
from auditseal_schemas.event_time import parse_milliseconds
from auditseal_schemas.stream_event import StreamEvent
from auditseal_search.stream_state import MOST_LISTED, Gap, StreamFacts

_MEMORY = "128MB"
_CONTROL = pa.array([kind.value for kind in StreamEvent])
_COLUMNS = ("stream_id", "stream_sequence", "event_id", "service", "environment")
_CONTROL_COLUMNS = ("stream_id", "stream_sequence", "event_type")

_TABLES = """
CREATE TABLE sighting (stream VARCHAR, number BIGINT, event UUID, service VARCHAR, environment VARCHAR, written BIGINT);
CREATE TABLE control (stream VARCHAR, number BIGINT, kind VARCHAR, until BIGINT);
"""

_ADD = """
INSERT INTO sighting SELECT stream_id, stream_sequence, event_id::UUID, service, environment, written FROM taken
"""

_ADD_CONTROL = "INSERT INTO control SELECT stream_id, stream_sequence, event_type, until FROM taken"

_NUMBERS = """
CREATE OR REPLACE TABLE place AS
SELECT stream, number, count(*) AS times, min(event) <> max(event) AS clash, min(written) AS written,
    max(written) AS latest
FROM sighting GROUP BY stream, number
"""

_STREAMS = """
SELECT stream, min(number), max(number), count(*), sum(times) - count(*), count(*) FILTER (clash), max(latest)
FROM place GROUP BY stream ORDER BY stream
"""

_SOURCES = """
SELECT stream, min(service), min(environment)
FROM sighting JOIN (SELECT stream, min(number) AS number FROM place GROUP BY stream) USING (stream, number)
GROUP BY stream ORDER BY stream
"""

_GAPS = """
SELECT stream, before + 1, number - 1, written
FROM (
    SELECT stream, number, written, lag(number, 1, $base) OVER (PARTITION BY stream ORDER BY number) AS before
    FROM place
)
WHERE number > before + 1 ORDER BY stream, number
"""

_CLASHES = "SELECT stream, number FROM place WHERE clash ORDER BY stream, number"

_LAST = """
SELECT stream, min(kind), min(until)
FROM control JOIN (SELECT stream, max(number) AS number FROM place GROUP BY stream) USING (stream, number)
GROUP BY stream ORDER BY stream
"""


class StreamLedger:
    """Takes rows of logs in any order, and says what each stream has. A context manager, for one thread.

    Args:
        folder: Where the database is kept while this is open.
    """

    def __init__(self, folder: Path) -> None:
        config: dict[str, str | bool | int | float | list[str]] = {
            "memory_limit": _MEMORY,
            "preserve_insertion_order": False,
            "temp_directory": str(folder),
        }
        self._database = duckdb.connect(folder / "streams.duckdb", config=config)
        self._database.execute("SET enable_progress_bar = false")  # it would be written to standard output
        self._database.execute(_TABLES)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add(self, rows: pa.Table) -> None:
        """Take the rows of some blocks, with the columns of `ROW`; those that aren't events are passed over."""
        events = rows.filter(pc.is_valid(rows["stream_id"]))
        millis = pc.coalesce(
            events["timestamp"].cast(pa.int64()), pc.divide(events["occurred_at"].cast(pa.int64()), 1000)
        )
        self._insert(_ADD, events.select(_COLUMNS).append_column("written", millis))
        own = events.filter(pc.is_in(events["event_type"], value_set=_CONTROL))
        until = pa.array([_until(dict(pairs)) for pairs in own["attributes"].to_pylist()], pa.int64())
        self._insert(_ADD_CONTROL, own.select(_CONTROL_COLUMNS).append_column("until", until))

    def _insert(self, sql: str, rows: pa.Table) -> None:
        self._database.register("taken", rows)
        self._database.execute(sql)
        self._database.unregister("taken")

    def streams(self, *, from_first: bool) -> Iterator[StreamFacts]:
        """Yield what is known of each stream, in the order of their ids.

        Args:
            from_first: Whether the logs were read from their first block, so that each stream must begin with number 0.
        """
        self._database.execute(_NUMBERS)
        base = -1 if from_first else None
        gaps = _Following(self._rows(_GAPS, {"base": base}))
        clashes, last = _Following(self._rows(_CLASHES)), _Following(self._rows(_LAST))
        sources = _Following(self._rows(_SOURCES))
        for stream, first, highest, count, repeated, clashing, at in self._rows(_STREAMS):
            ((_, service, environment),) = sources.of(stream)
            ((_, kind, until),) = last.of(stream) or [(stream, None, None)]
            yield StreamFacts(
                stream=stream,
                service=service,
                environment=environment,
                first=first,
                last=highest,
                count=count,
                repeated=repeated,
                clashes=tuple(number for _, number in clashes.of(stream))[:MOST_LISTED],
                clash_count=clashing,
                gaps=tuple(Gap(*gap[1:]) for gap in gaps.of(stream)),
                last_at=at,
                ended_by=None if kind is None else StreamEvent(kind),
                until=until,
            )

    def _rows(self, sql: str, parameters: dict[str, Any] | None = None) -> Iterator[tuple[Any, ...]]:
        cursor = self._database.cursor()
        cursor.execute(sql, parameters or {})
        while rows := cursor.fetchmany(10_000):
            yield from rows


class _Following:
    """Rows that begin with a stream's id, in the order of the ids, taken stream by stream."""

    def __init__(self, rows: Iterator[tuple[Any, ...]]) -> None:
        self._groups = groupby(rows, key=lambda row: row[0])
        self._next = next(self._groups, None)

    def of(self, stream: str) -> list[tuple[Any, ...]]:
        """Return the rows of the next stream, none where it has no rows."""
        if self._next is None or self._next[0] != stream:
            return []
        rows = list(self._next[1])
        self._next = next(self._groups, None)
        return rows


def _until(attributes: Mapping[str, str]) -> int | None:
    """Return when an announced pause ends, in ms since the epoch.

    None where it doesn't say, or where the text, which is its writer's, isn't a time.
    """
    try:
        return parse_milliseconds("until", attributes["until"]) if "until" in attributes else None
    except EventError:
        return None
