"""The answer to a question: hits, the picture of them over time, counts by field, and how complete all that is."""

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from threading import BoundedSemaphore
from typing import Any

from auditseal_explorer.auditor import Auditor
from auditseal_explorer.counts import Facet
from auditseal_explorer.deadline import without_deadline
from auditseal_explorer.errors import BusyError
from auditseal_explorer.export_rows import ExportRows
from auditseal_explorer.question import Question
from auditseal_explorer.sources import Hits, Sources
from auditseal_explorer.timeline import Timeline
from auditseal_search.answer import Account, Grade
from auditseal_search.export import Format, pieces
from auditseal_search.gathered import Gathered
from auditseal_search.hit_order import Cursor

PAGE = 50
"""Hits of one page."""
EXPORTS = 4
"""Exports at once: each holds memory for as long as its reader takes."""
_exports = BoundedSemaphore(EXPORTS)


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
        has_index: Whether the explorer was given an index.
    """

    question: Question
    hits: Sequence[dict[str, Any]]
    total: int
    timeline: Timeline
    facets: tuple[Facet, ...]
    account: Account
    pinned: bool = False
    has_index: bool = False

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
    return sources.answer(auditor, question.condition(now), question.as_of, partial(_answer, sources, question))


def _answer(sources: Sources, question: Question, found: Gathered) -> Results:
    counted = sources.counting.of(found)
    order, after = question.oldest_first, question.after

    def read() -> Hits:
        with sources.searching(found.among(lambda file: file in counted.files)) as searcher:
            return list(searcher.hits(oldest_first=order, limit=PAGE, after=after))

    return Results(
        question=_pinned(question, found),
        hits=sources.hits.of((found.condition, found.account.logs, order, after), read),
        total=counted.counts.total,
        timeline=counted.counts.timeline,
        facets=counted.counts.facets,
        account=found.account,
        pinned=bool(question.as_of),
        has_index=sources.index is not None,
    )


@dataclass(frozen=True, slots=True)
class Export:
    """All hits of a question.

    Attributes:
        question: The question with the heads up to which it is answered.
        total: How many hits there are.
        found: The rows.
        gather: Gathers them again, up to these heads.
    """

    question: Question
    total: int
    found: Gathered
    gather: Callable[[], Gathered]

    @property
    def grade(self) -> Grade:
        """The grade of the answer."""
        return self.found.account.grade

    def lines(self, kind: Format) -> Generator[bytes, None, None]:
        """Yield the hits in a format of lines, in no order; memory stays flat. To close it ends the export early.

        Raises:
            BusyError: At the first line, `EXPORTS` are under way.
            UnavailableError: A file of the index can't be read, or other rows match than were counted.
        """
        if not _exports.acquire(blocking=False):
            raise BusyError(f"{EXPORTS} exports are under way, which is the most: try again when one has ended")
        try:
            for piece, _ in pieces(ExportRows(self.found, self.gather, self.total).batches(), kind):
                yield piece
        finally:
            _exports.release()


def export(sources: Sources, auditor: Auditor, question: Question, now: datetime) -> Export:
    """Return all hits of an auditor's question.

    Raises:
        QueryError: The filter has a mistake.
        VerificationError, BrokenIndexError, UnavailableError: As `Sources.gather`.
    """

    def gather(question: Question) -> Gathered:
        with without_deadline():
            return sources.slowly(sources.gather(auditor, question.condition(now), question.as_of))

    return sources.answer(auditor, question.condition(now), question.as_of, partial(_export, sources, question, gather))


def _export(sources: Sources, question: Question, gather: Callable[[Question], Gathered], found: Gathered) -> Export:
    with sources.searching(found) as searcher:
        total = searcher.count()
    pinned = _pinned(question, found)
    return Export(pinned, total, sources.slowly(found), partial(gather, pinned))


def _pinned(question: Question, found: Gathered) -> Question:
    return replace(question, as_of=tuple((log.origin, log.size) for log in found.account.logs))
