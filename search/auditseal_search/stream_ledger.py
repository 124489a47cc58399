"""The numbers of every stream, gathered from the rows of sealed logs in a database on disk.

A stream's numbers are kept as runs without a missing one, so that what is asked of it hardly depends on how many
events it has. Streams and numbers are the claims of their writers. Any number of them is taken, and memory stays
bounded. The database also keeps how much of each log it holds, and both change in one transaction.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from auditseal_schemas.errors import EventError
from auditseal_schemas.event_time import parse_milliseconds
from auditseal_schemas.stream_event import StreamEvent
from auditseal_search.errors import BrokenLedgerError
from auditseal_search.free_memory import release_free_memory
from auditseal_search.log_tail import LogHead
from auditseal_search.stream_ledger_sql import CLASHES, FOLD, GAPS, PREPARE, SETTLE, STREAMS, TABLES
from auditseal_search.stream_runs import TEXTS, fold_records
from auditseal_search.stream_state import MOST_LISTED, Gap, StreamFacts

VERSION = 1
"""The version of the tables. A ledger of another version is made again."""
_FILE = "streams.duckdb"
_BATCH = 150_000  # rows that are folded at once
_CONTROL = pa.array([kind.value for kind in StreamEvent])
_COLUMNS = ("stream_id", "stream_sequence", "event_id", "service", "environment")
_CONTROL_COLUMNS = ("stream_id", "stream_sequence", "event_type")
COLUMNS = ("timestamp", "occurred_at", "event_type", "attributes", *_COLUMNS)
"""The columns of rows that a ledger needs."""
_SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": "128MB",
    "threads": 2,
    "preserve_insertion_order": False,
}


class StreamLedger:
    """Takes rows of logs in any order, and says what each stream has. A context manager, for one thread.

    Args:
        folder: Where the database is kept. What an earlier process kept there is continued.

    Raises:
        BrokenLedgerError: The database can't be used.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._taken, self._own = list[pa.Table](), list[pa.Table]()
        self._rows = 0
        self._heads: dict[str, LogHead] = {}
        with self._problems():
            self._database = duckdb.connect(self._path, config={**_SETTINGS, "temp_directory": str(folder)})
            self._database.execute("SET enable_progress_bar = false")  # it would be written to standard output
            self._database.execute(TABLES)
            self._check_version()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def heads(self) -> dict[str, LogHead]:
        """Return how much of each log is kept, by origin."""
        with self._problems():
            found = self._database.execute("SELECT origin, size, root FROM head ORDER BY origin").fetchall()
        return {origin: LogHead(origin, size, root) for origin, size, root in found}

    def begin(self, schema_lines: Sequence[str]) -> None:
        """Say by which schemas of a registry records are read; an empty ledger keeps it.

        Raises:
            BrokenLedgerError: Its rows were read by others, or the database can't be used.
        """
        with self._problems():
            kept = {line for (line,) in self._database.execute('SELECT line FROM "schema"').fetchall()}
            if not self.heads():
                self._database.execute('DELETE FROM "schema"')
                for line in schema_lines:
                    self._database.execute('INSERT INTO "schema" VALUES (?)', [line])
            elif kept != set(schema_lines):
                raise BrokenLedgerError(
                    f"{self._path} was filled by other schema lines than the trust file has: begin a new folder"
                )

    def add(self, rows: pa.Table, head: LogHead) -> None:
        """Take the rows of some blocks, with `COLUMNS`; those that aren't events are passed over.

        Args:
            rows: The rows.
            head: How much of their log is read with them.

        Raises:
            BrokenLedgerError: They can't be kept.
        """
        events = rows.filter(pc.is_valid(rows["stream_id"]))
        written = pc.coalesce(
            events["timestamp"].cast(pa.int64()), pc.divide(events["occurred_at"].cast(pa.int64()), 1000)
        )
        own = events.filter(pc.is_in(events["event_type"], value_set=_CONTROL))
        until = pa.array([_until(dict(pairs)) for pairs in own["attributes"].to_pylist()], pa.int64())
        columns = [events[name].dictionary_encode() if name in TEXTS else events[name] for name in _COLUMNS]
        self._taken.append(pa.table([*columns, written], [*_COLUMNS, "written"]))
        self._own.append(own.select(_CONTROL_COLUMNS).append_column("until", until))
        self._rows += len(events)
        self._heads[head.origin] = head
        if self._rows >= _BATCH:
            self.keep()

    def keep(self) -> None:
        """Put all rows that were taken on disk, with the heads of their logs.

        Raises:
            BrokenLedgerError: They can't be kept.
        """
        if not self._heads:
            return
        with self._problems():
            self._database.execute("BEGIN")
            if self._rows:
                folded = fold_records(pa.concat_tables(self._taken))
                own = pa.concat_tables(self._own)
                views = {"sightings": folded.sightings, "runs": folded.runs, "clashes": folded.clashes, "own": own}
                for name, rows in views.items():
                    self._database.register(name, rows)
                self._database.execute(FOLD)
                for name in views:
                    self._database.unregister(name)
            self._database.executemany(
                "INSERT OR REPLACE INTO head VALUES (?, ?, ?)",
                [(head.origin, head.size, head.root) for head in self._heads.values()],
            )
            self._database.execute("COMMIT")
        self._taken, self._own, self._rows, self._heads = [], [], 0, {}
        release_free_memory()

    def streams(self, *, from_first: bool, settled: int) -> Iterator[StreamFacts]:
        """Yield what is known of each stream, in the order of their ids.

        Args:
            from_first: Whether the logs were read from their first block, so that each stream must begin with number 0.
            settled: Missing numbers are a gap if the event after them has this time, in ms, or an earlier one.

        Raises:
            BrokenLedgerError: The database can't be read.
        """
        self.keep()
        with self._problems():
            self._database.execute(f"BEGIN; {SETTLE}; COMMIT")
            self._database.execute(PREPARE, {"base": -1 if from_first else None, "settled": settled})
            most = {"most": MOST_LISTED}
            gaps, clashes = _Following(self._fetch(GAPS, most)), _Following(self._fetch(CLASHES, most))
            for stream, *numbers, kind, until in self._fetch(STREAMS, {}):
                service, environment, first, last, count, repeated, clash_count, gap_count, waits, last_at = numbers
                yield StreamFacts(
                    stream=stream,
                    service=service,
                    environment=environment,
                    first=first,
                    last=last,
                    count=count,
                    repeated=repeated,
                    clashes=tuple(number for _, number in clashes.of(stream)),
                    clash_count=clash_count,
                    gaps=tuple(Gap(*gap[1:]) for gap in gaps.of(stream)),
                    gap_count=gap_count,
                    waits=waits,
                    last_at=last_at,
                    ended_by=None if kind is None else StreamEvent(kind),
                    until=until,
                )

    def _fetch(self, sql: str, parameters: dict[str, int]) -> Iterator[tuple[Any, ...]]:
        cursor = self._database.cursor()
        cursor.execute(sql, parameters)
        while rows := cursor.fetchmany(10_000):
            yield from rows

    def _check_version(self) -> None:
        self._database.execute("INSERT INTO version SELECT ? WHERE NOT EXISTS (FROM version)", [VERSION])
        if self._database.execute("FROM version").fetchall() != [(VERSION,)]:
            raise BrokenLedgerError(f"{self._path} was made by another version of auditseal: remove it, and read again")

    @contextmanager
    def _problems(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as error:
            raise BrokenLedgerError(
                f"{self._path} can't be used: {error}; end another process that uses it, or remove it and read again"
            ) from error


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
