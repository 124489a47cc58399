"""A case: the events of a question as an evidence pack, which people check without any of our systems."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from auditseal_evidence.case import Case, CoveredLog, Place
from auditseal_evidence.pack import PackMaker
from auditseal_explorer.errors import AddressError
from auditseal_explorer.results import Export
from auditseal_explorer.sources import Sources
from auditseal_schemas.errors import quoted
from auditseal_schemas.origin import Origin
from auditseal_search.answer import Account
from auditseal_search.query import parse_query
from auditseal_search.searcher import Searcher

MOST_EVENTS = 10_000
"""Events of one pack: more would keep its reader waiting."""
MOST_NAME = 100
"""Characters of a case's name."""
_ANOTHER_DAY = datetime(2000, 1, 1, tzinfo=UTC)


def case_of(name: str, query: str, account: Account, events: int) -> Case:
    """Return the case of an answer.

    Args:
        name: The name of the case.
        query: The filter as it was typed.
        account: The grade, and the covered heights.
        events: How many events there are.
    """
    logs = (
        CoveredLog(log.origin, log.size, log.root, tuple(map(str, log.gaps)))
        for log in sorted(account.logs, key=lambda log: str(log.origin))
    )
    return Case(name, query, account.grade.value, tuple(logs), events, account.notes)


def places_of(searcher: Searcher) -> Iterator[Place]:
    """Yield where the hits of a search are, in the order in which a pack takes them."""
    for origin, height, index, offset in searcher.places():
        yield Place(Origin.parse(origin), height, index, offset)


def has_absolute_times(query: str, now: datetime) -> bool:
    """Return whether a filter means the same on every day: `-2h` and `now` change every second."""
    return parse_query(query, now) == parse_query(query, _ANOTHER_DAY)


@dataclass(frozen=True, slots=True)
class CaseFiles:
    """Makes the files of cases.

    Attributes:
        sources: The vault and the index.
        trust_file: The bytes of the trust file, which each pack carries.
    """

    sources: Sources
    trust_file: bytes

    def make(self, name: str, answer: Export, folder: Path) -> tuple[Path, Path]:
        """Write the pack and the page of a case, and return their paths. The same case gives the same bytes.

        Raises:
            AddressError: The name, the filter's times or the number of events is not one of a case.
            EvidenceError: The index names records that the vault does not have, or it changed meanwhile.
            NotStoredError, VerificationError, UnavailableError: As `PackMaker.make`.
        """
        self._check(name, answer)
        case = case_of(name, answer.question.filter, answer.found.account, answer.total)
        pack, page = folder / "case.zip", folder / "case.html"
        with self.sources.reading() as pool, answer.found.searcher() as searcher:
            PackMaker(pool.vault, self.trust_file).make(case, places_of(searcher), pack, page)
        return pack, page

    def _check(self, name: str, answer: Export) -> None:
        if not 0 < len(name) <= MOST_NAME:
            raise AddressError(f"case={quoted(name)}: a name of 1 to {MOST_NAME} characters belongs here")
        if not has_absolute_times(answer.question.filter, datetime.now(UTC)):
            raise AddressError("a case needs absolute times, such as 2026-03-01: -2h and now change every second")
        if answer.total > MOST_EVENTS:
            raise AddressError(
                f"the case has {answer.total:,} events, and a browser gets at most {MOST_EVENTS:,}: narrow the filter,"
                " or run auditseal evidence"
            )
