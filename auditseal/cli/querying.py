"""What the commands that take a filter have in common: reading it, and gathering the rows that it can match."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import typer

from auditseal.cli.progress import Advance, progress_bar
from auditseal.cli.vault_options import read_trust, tell, vault_url
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_search.answer import Account
from auditseal_search.errors import QueryError
from auditseal_search.gathered import Gathered
from auditseal_search.index_store import IndexStore, open_index
from auditseal_search.query import Condition, parse_query
from auditseal_search.query_sql import time_bounds
from auditseal_search.range_pool import RangePool
from auditseal_search.row_filter import RowFilter
from auditseal_search.row_source import RowSource, TimeSpan
from auditseal_search.row_stream import RowStream
from auditseal_vault.open import open_reader

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
    with progress_bar("blocks") as advance, _opened(condition, trust, vault, index, advance) as (pinned, store, source):
        logs = [source.gather(log) for log in pinned.logs]
    account = Account(tuple(log.coverage for log in logs), _notes(condition, store))
    return Gathered(store, condition, logs, account)


@contextmanager
def stream_rows(condition: Condition, trust: Path, vault: str | None, index: str | None) -> Iterator[RowStream]:
    """Yield the rows of all pinned logs that a filter matches; memory stays flat. Errors as `gather_rows`."""
    with (
        progress_bar("blocks") as advance,
        _opened(condition, trust, vault, index, advance) as (pinned, store, source),
        RowStream(store, [source.read(log) for log in pinned.logs], condition, _notes(condition, store)) as rows,
    ):
        yield rows


@contextmanager
def _opened(
    condition: Condition, trust: Path, vault: str | None, index: str | None, advance: Advance
) -> Iterator[tuple[Trust, IndexStore | None, RowSource]]:
    pinned = read_trust(trust)
    store = open_index(index) if index else None
    with RangePool(partial(open_reader, vault_url(vault, pinned)), 1) as pool, RowFilter(condition) as keep:

        def on_block(origin: Origin, read: int, every: int) -> None:
            advance(str(origin), read, every)

        yield pinned, store, RowSource(pool, store, TimeSpan(*time_bounds(condition)), keep, on_block)


def _notes(condition: Condition, index: IndexStore | None) -> tuple[str, ...]:
    return (_BY_TIME,) if index is None and time_bounds(condition) != (None, None) else ()
