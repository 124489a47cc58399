"""The answer to a question: hits, the picture of them over time, counts by field, and how complete all that is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any

from auditseal_explorer.auditor import Auditor
from auditseal_explorer.question import Question
from auditseal_explorer.sources import Sources
from auditseal_explorer.timeline import Timeline, draw, unit_for
from auditseal_schemas.errors import UnavailableError
from auditseal_search.answer import Account, Grade
from auditseal_search.export import Format, pieces
from auditseal_search.gathered import Gathered
from auditseal_search.hit_order import Cursor

PAGE = 50
"""Hits of one page."""
FACETS = ("outcome", "category", "action", "actor", "service", "resource.type", "tenant", "problem")
"""The fields whose most frequent values a page counts."""
_VALUES = 6
_MERGES = 5
"""Files of an index that are merged while one page is made, after which the page gives up."""
_searches = BoundedSemaphore(2)
"""Searches at once: each may take 256 MB of memory and all processors."""


@dataclass(frozen=True, slots=True)
class Facet:
    """The most frequent values of a field among the hits."""

    field: str
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Results:
    """An answer.

    Attributes:
        question: The question with the heads up to which it was answered.
        hits: One page of the hits.
        total: How many hits there are.
        timeline: The hits over time.
        facets: Counts by field.
        account: The grade, and the covered heights.
        pinned: Whether the reader asked for these heads; otherwise they are those of now.
    """

    question: Question
    hits: Sequence[dict[str, Any]]
    total: int
    timeline: Timeline
    facets: tuple[Facet, ...]
    account: Account
    pinned: bool = False

    @property
    def following(self) -> Question | None:
        """The question for the next page, None on the last one."""
        return replace(self.question, after=Cursor.of(self.hits[-1])) if len(self.hits) == PAGE else None


def find(sources: Sources, auditor: Auditor, question: Question, now: datetime) -> Results:
    """Answer a question of an auditor.

    Raises:
        QueryError: The filter has a mistake.
        VerificationError, BrokenIndexError, UnavailableError: As `Sources.gather`.
    """
    condition = question.condition(now)
    found = sources.gather(auditor, condition, question.as_of)
    for _ in range(_MERGES):
        try:
            return _answer(question, found)
        except UnavailableError:  # of a file that was merged into another since the manifest was read?
            before, found = found, sources.gather(auditor, condition, question.as_of)
            if found.files == before.files:
                raise
    return _answer(question, found)


def _answer(question: Question, found: Gathered) -> Results:
    with _searches, found.searcher() as searcher:
        hits = list(searcher.hits(oldest_first=question.oldest_first, limit=PAGE, after=question.after))
        totals = searcher.totals()
        unit = unit_for(*totals.span) if totals.span else "second"
        tallies = searcher.tallies(FACETS, _VALUES, unit)
        facets = (_facet(field, values) for field, values in tallies.counts.items())
        return Results(
            question=_pinned(question, found),
            hits=hits,
            total=totals.count,
            timeline=draw(unit, tallies.histogram),
            facets=tuple(facet for facet in facets if facet.values),
            account=found.account,
            pinned=bool(question.as_of),
        )


@dataclass(frozen=True, slots=True)
class Export:
    """All hits of a question.

    Attributes:
        question: The question with the heads up to which it is answered.
        total: How many hits there are.
        found: The rows.
    """

    question: Question
    total: int
    found: Gathered

    @property
    def grade(self) -> Grade:
        """The grade of the answer."""
        return self.found.account.grade

    def lines(self, kind: Format) -> Iterator[bytes]:
        """Yield the hits in a format of lines, in no order; memory stays flat.

        Raises:
            UnavailableError: A file of the index can't be read.
        """
        with self.found.searcher() as searcher:
            for piece, _ in pieces(searcher.batches(), kind):
                yield piece


def export(sources: Sources, auditor: Auditor, question: Question, now: datetime) -> Export:
    """Return all hits of an auditor's question.

    Raises:
        QueryError: The filter has a mistake.
        VerificationError, BrokenIndexError, UnavailableError: As `Sources.gather`.
    """
    found = sources.gather(auditor, question.condition(now), question.as_of)
    with found.searcher() as searcher:
        total = searcher.count()
    return Export(_pinned(question, found), total, found)


def _pinned(question: Question, found: Gathered) -> Question:
    return replace(question, as_of=tuple((log.origin, log.size) for log in found.account.logs))


def _facet(field: str, values: Sequence[tuple[Any, int]]) -> Facet:
    return Facet(field, tuple((str(value), number) for value, number in values if value is not None))
