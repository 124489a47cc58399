"""Finds the one record of an event id, for `auditseal prove --event-id`. It needs the extra `search`."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import typer

from auditseal.cli.querying import answer_from_rows
from auditseal.cli.vault_options import tell
from auditseal_schemas.errors import ConfigurationError, quoted
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.origin import Origin
from auditseal_search.answer import Account, Grade
from auditseal_search.gathered import Gathered
from auditseal_search.query import Comparison
from auditseal_search.query_fields import FIELDS

_SHOWN = 20  # records of one event id that an error lists


@dataclass(frozen=True, slots=True)
class FoundEvent:
    """The one record with an event id.

    Attributes:
        event_id: The id, spelled as events spell it.
        origin: Its log.
        height: Its block.
        offset: Its Kafka offset.
    """

    event_id: str
    origin: Origin
    height: int
    offset: int


def find_event(event_id: str, trust: Path, vault: str | None, index: str | None) -> FoundEvent:
    """Return the place of the only record with an event id.

    Where there is more than one, the command lists them and ends with code 1. Where there is none, it prints how
    complete the search was, and ends with code 1, or with the answer's own code if that is PARTIAL. The id is the
    index's word: the caller compares it with the record.

    Raises:
        ConfigurationError: The id is not a UUID; or the trust file, the vault or the index can't be used.
        BrokenIndexError, UnavailableError: The index is damaged or can't be read.
    """
    event_id = _checked(event_id)
    condition = Comparison(FIELDS["event_id"], "=", (event_id,))
    hits, count, account = answer_from_rows(_looked_up, condition, trust, vault, index)
    if count == 1:
        if account.grade is Grade.PARTIAL:
            _tell_all(account.lines())
        (hit,) = hits
        return FoundEvent(event_id, Origin.parse(hit["origin"]), hit["height"], hit["offset"])
    if hits:
        _tell_all(_several(event_id, count, hits))
        raise typer.Exit(ExitCode.FAILED)
    _tell_all(_none(event_id, account))
    raise typer.Exit(account.exit_code or ExitCode.FAILED)


def _looked_up(found: Gathered) -> tuple[Sequence[dict[str, Any]], int, Account]:
    """Return the first hits, how many there are, and what the search covered."""
    with found.searcher() as searcher:
        return list(searcher.hits(oldest_first=True, limit=_SHOWN)), searcher.count(), found.account


def _tell_all(lines: Iterable[str]) -> None:
    for line in lines:
        tell("prove", line)


def _checked(event_id: str) -> str:
    """Return an event id as the index has it."""
    try:
        return str(UUID(event_id))
    except ValueError as error:
        raise ConfigurationError(f"--event-id: {quoted(event_id)} is not a UUID") from error


def _several(event_id: str, count: int, hits: Sequence[dict[str, Any]]) -> Iterator[str]:
    yield f"{count:,} records have the event id {event_id}: name one of them by its log and offset"
    for hit in hits:
        yield f"  {hit['origin']} --offset {hit['offset']}"
    if count > len(hits):
        yield f"  and {count - len(hits):,} more: auditseal search 'event_id = {event_id}' lists all"


def _none(event_id: str, account: Account) -> Iterator[str]:
    """Yield what was covered: only a complete search shows that there is no such event."""
    where = "in the pinned logs" if account.grade is Grade.COMPLETE else "where the search could look"
    yield f"no record {where} has the event id {event_id}"
    yield from account.lines()
