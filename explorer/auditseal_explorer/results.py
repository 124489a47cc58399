"""The answer to a question: hits, the picture of them over time, counts by field, and how complete all that is."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any

from auditseal_explorer.auditor import Auditor
from auditseal_explorer.counts import Counts, Facet
from auditseal_explorer.errors import BusyError
from auditseal_explorer.question import Question
from auditseal_explorer.sources import Sources
from auditseal_explorer.timeline import Timeline, draw, unit_for
from auditseal_schemas.errors import UnavailableError
from auditseal_search.answer import Account, Grade
from auditseal_search.export import Format, pieces
from auditseal_search.gathered import Gathered
from auditseal_search.hit_order import Cursor
from auditseal_search.query_fields import FIELDS, Kind
from auditseal_search.searcher import Searcher

PAGE = 50
"""Hits of one page."""
FACETS = ("outcome", "category", "action", "actor", "service", "resource.type", "tenant", "problem")
"""The fields whose most frequent values a page counts."""
_VALUES = 6
MOST_LISTED = 2_000_000
"""Rows of the index's files up to which the values of lists are counted, such as `resource.type`: DuckDB reads a list
with all its parts, which takes as long as all other counts of a page together."""
_MERGES = 5
"""Files of an index that are merged while one page is made, after which the page gives up."""
EXPORTS = 4
"""Exports at once: each holds memory for as long as its reader takes."""
_BATCH = 1_000  # rows of an export that are in memory at once
_exports = BoundedSemaphore(EXPORTS)
_searches = BoundedSemaphore(2)
"""Searches at once: each may take 256 MB of memory and all processors."""


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
            return _answer(sources, question, found)
        except UnavailableError:  # of a file that was merged into another since the manifest was read?
            before, found = found, sources.gather(auditor, condition, question.as_of)
            if found.files == before.files:
                raise
    return _answer(sources, question, found)


def _answer(sources: Sources, question: Question, found: Gathered) -> Results:
    with _searches, found.searcher() as searcher:
        hits = list(searcher.hits(oldest_first=question.oldest_first, limit=PAGE, after=question.after))
        counts = sources.counts.of(found, lambda: _count(found, searcher))
        return Results(
            question=_pinned(question, found),
            hits=hits,
            total=counts.total,
            timeline=counts.timeline,
            facets=counts.facets,
            account=found.account,
            pinned=bool(question.as_of),
        )


def _count(found: Gathered, searcher: Searcher) -> Counts:
    totals = searcher.totals()
    unit = unit_for(*totals.span) if totals.span else "second"
    fields = [one for one in FACETS if FIELDS[one].kind is not Kind.LIST or found.indexed_rows <= MOST_LISTED]
    tallies = searcher.tallies(fields, _VALUES, unit)
    facets = (_facet(field, values) for field, values in tallies.counts.items())
    return Counts(totals.count, draw(unit, tallies.histogram), tuple(facet for facet in facets if facet.values))


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

    def lines(self, kind: Format) -> Generator[bytes, None, None]:
        """Yield the hits in a format of lines, in no order; memory stays flat. To close it ends the export early.

        Raises:
            BusyError: At the first line, `EXPORTS` are under way.
            UnavailableError: A file of the index can't be read.
        """
        if not _exports.acquire(blocking=False):
            raise BusyError(f"{EXPORTS} exports are under way, which is the most: try again when one has ended")
        try:
            with self.found.searcher() as searcher:
                for piece, _ in pieces(searcher.batches(_BATCH), kind):
                    yield piece
        finally:
            _exports.release()


def export(sources: Sources, auditor: Auditor, question: Question, now: datetime) -> Export:
    """Return all hits of an auditor's question.

    Raises:
        QueryError: The filter has a mistake.
        VerificationError, BrokenIndexError, UnavailableError: As `Sources.gather`.
    """
    found = sources.gather(auditor, question.condition(now), question.as_of)
    with _searches, found.searcher() as searcher:
        total = searcher.count()
    return Export(_pinned(question, found), total, found)


def _pinned(question: Question, found: Gathered) -> Question:
    return replace(question, as_of=tuple((log.origin, log.size) for log in found.account.logs))


def _facet(field: str, values: Sequence[tuple[Any, int]]) -> Facet:
    return Facet(field, tuple((str(value), number) for value, number in values if value is not None))
