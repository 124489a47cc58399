"""What the commands that take a filter have in common: reading it, and gathering the rows that it can match."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import typer

from auditseal.cli.progress import Advance, progress_bar
from auditseal.cli.vault_options import read_trust, tell, vault_url
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_search.answer import Account
from auditseal_search.answering import answer_from
from auditseal_search.database import Database
from auditseal_search.errors import QueryError
from auditseal_search.gathered import Gathered
from auditseal_search.index_store import IndexStore, open_index
from auditseal_search.missing_index import empty_index_text, logs_not_indexed
from auditseal_search.query import Condition, parse_query
from auditseal_search.query_sql import time_bounds
from auditseal_search.range_pool import RangePool
from auditseal_search.row_filter import RowFilter
from auditseal_search.row_source import LogReading, RowSource, TimeSpan
from auditseal_search.row_stream import RowStream
from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader

AnswerT = TypeVar("AnswerT")
_BY_TIME = "blocks were chosen by the times that they signed, with ten minutes to spare for a clock set back"


def read_query(command: str, text: str) -> Condition:
    """Return a filter; one with a mistake ends the command with code 2, and its place is marked on the terminal."""
    try:
        return parse_query(text, datetime.now(UTC))
    except QueryError as error:
        for line in str(error).splitlines():
            tell(command, line)
        raise typer.Exit(ExitCode.UNUSABLE) from error


def gather_rows(condition: Condition, trust: Path, vault: str | None, index: str | None) -> Gathered:
    """Return the rows of all pinned logs that a filter can match; those of the vault are held in memory.

    Raises:
        TrustError, ConfigurationError: The trust file, the vault or the index can't be used.
        BrokenIndexError: The index is damaged, or of another log.
        UnavailableError: The index can't be read.
    """
    with (
        progress_bar("blocks") as advance,
        _opened(condition, trust, vault, index, advance) as (pinned, database, source),
    ):
        logs = [source.gather(log) for log in pinned.logs]
    account = Account(tuple(log.coverage for log in logs), _notes(condition, index))
    return Gathered(database, condition, logs, account)


def answer_from_rows(
    make: Callable[[Gathered], AnswerT], condition: Condition, trust: Path, vault: str | None, index: str | None
) -> AnswerT:
    """Return what is made of the rows that a filter can match, while the index is built on. Errors as `gather_rows`.

    `make` may be called again, so it shows nothing before it has read all rows that it needs: see `answer_from`.
    """
    return answer_from(partial(gather_rows, condition, trust, vault, index), make)


@contextmanager
def stream_rows(condition: Condition, trust: Path, vault: str | None, index: str | None) -> Iterator[RowStream]:
    """Yield the rows of all pinned logs that a filter matches; memory stays flat. Errors as `gather_rows`."""
    with (
        progress_bar("blocks") as advance,
        _opened(condition, trust, vault, index, advance) as (pinned, database, source),
        RowStream(database, partial(_read_all, source, pinned), condition, _notes(condition, index)) as rows,
    ):
        yield rows


def _read_all(source: RowSource, pinned: Trust) -> list[LogReading]:
    return [source.read(log) for log in pinned.logs]


@contextmanager
def _opened(
    condition: Condition, trust: Path, vault: str | None, index: str | None, advance: Advance
) -> Iterator[tuple[Trust, Database, RowSource]]:
    pinned = read_trust(trust)
    store = open_index(index) if index else None
    database, url = Database(store), vault_url(vault, pinned)
    with RangePool(partial(open_reader, url), 1) as pool, RowFilter(database, condition) as keep:
        if store and index:
            _warn_of_missing(store, index, pool.vault, pinned)

        def on_block(origin: Origin, read: int, every: int) -> None:
            advance(str(origin), read, every)

        yield pinned, database, RowSource(pool, store, TimeSpan(*time_bounds(condition)), keep, on_block)


def _warn_of_missing(store: IndexStore, index: str, vault: VaultReader, pinned: Trust) -> None:
    """Warn of logs that are not in the named index. A store that can't be read is a gap, which the answer names."""
    with suppress(UnavailableError):
        if missing := logs_not_indexed(store, vault, pinned.logs):
            tell("warning", empty_index_text(missing, index))


def _notes(condition: Condition, index: str | None) -> tuple[str, ...]:
    return (_BY_TIME,) if not index and time_bounds(condition) != (None, None) else ()
