"""A case: the events of a question as an evidence pack, which people check without any of our systems."""

from dataclasses import dataclass
from pathlib import Path

from auditseal_evidence.answer import case_of, places_of
from auditseal_evidence.pack import PackMaker
from auditseal_explorer.errors import AddressError
from auditseal_explorer.results import Export
from auditseal_explorer.sources import Sources
from auditseal_schemas.errors import quoted
from auditseal_search.query import has_absolute_times

MOST_EVENTS = 10_000
"""Events of one pack: more would keep its reader waiting."""
MOST_NAME = 100
"""Characters of a case's name."""


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
        if not has_absolute_times(answer.question.filter):
            raise AddressError("a case needs absolute times, such as 2026-03-01: -2h and now change every second")
        if answer.total > MOST_EVENTS:
            raise AddressError(
                f"the case has {answer.total:,} events, and a browser gets at most {MOST_EVENTS:,}: narrow the filter,"
                " or run auditseal evidence"
            )
