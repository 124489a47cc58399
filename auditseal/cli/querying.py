"""What the commands that take a filter have in common: reading it, and gathering the rows that it can match."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import typer

from auditseal.cli.progress import progress_bar
from auditseal.cli.vault_options import read_trust, tell, vault_url
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.origin import Origin
from auditseal_search.answer import Account
from auditseal_search.errors import QueryError
from auditseal_search.index_store import IndexStore, open_index
from auditseal_search.query import Condition, parse_query
from auditseal_search.query_sql import time_bounds
from auditseal_search.range_pool import RangePool
from auditseal_search.row_filter import RowFilter
from auditseal_search.row_source import LogRows, RowSource, TimeSpan
from auditseal_vault.open import open_reader

_BY_TIME = "blocks were chosen by the times that they signed, with ten minutes to spare for a clock set back"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The rows that a filter can match, and what they account for."""

    condition: Condition
    index: IndexStore | None
    logs: Sequence[LogRows]
    account: Account


def read_query(command: str, text: str) -> Condition:
    """Return a filter; one with a mistake ends the command with code 2, and its place is marked on the terminal."""
    try:
        return parse_query(text, datetime.now(UTC))
    except QueryError as error:
        for line in str(error).splitlines():
            tell(command, line)
        raise typer.Exit(ExitCode.UNUSABLE) from error


def gather_rows(condition: Condition, trust: Path, vault: str | None, index: str | None) -> Gathered:
    """Return the rows of all pinned logs that a filter can match.

    Raises:
        TrustError, ConfigurationError: The trust file, the vault or the index can't be used.
        BrokenIndexError: The index is damaged, or of another log.
        UnavailableError: The index can't be read.
    """
    pinned = read_trust(trust)
    store = open_index(index) if index else None
    with (
        RangePool(partial(open_reader, vault_url(vault, pinned)), 1) as pool,
        RowFilter(condition) as keep,
        progress_bar("blocks") as advance,
    ):

        def on_block(origin: Origin, read: int, every: int) -> None:
            advance(str(origin), read, every)

        source = RowSource(pool, store, TimeSpan(*time_bounds(condition)), keep, on_block)
        logs = [source.gather(log) for log in pinned.logs]
    notes = (_BY_TIME,) if store is None and time_bounds(condition) != (None, None) else ()
    return Gathered(condition, store, logs, Account(tuple(log.coverage for log in logs), notes))
