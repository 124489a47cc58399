"""The latest event of each service: one that fell silent comes first."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain

from auditseal_explorer.auditor import Auditor
from auditseal_explorer.question import Question
from auditseal_explorer.sources import Latest, Sources
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.event_time import format_milliseconds
from auditseal_search.gathered import Gathered
from auditseal_search.row_source import IndexedFile


@dataclass(frozen=True, slots=True)
class Service:
    """A service that has published.

    Attributes:
        name: Its name.
        events: How many events it has.
        last: When the broker stored its latest one, RFC 3339; empty where no event has a time.
    """

    name: str
    events: int
    last: str

    @property
    def question(self) -> Question:
        """The question for its events."""
        return Question().narrowed("service", self.name)


def read_services(sources: Sources, auditor: Auditor) -> list[Service]:
    """Return the services whose events an auditor may see, the longest silent first.

    They are known from an index alone, and not where it can't be read: the state of its log says so.
    """
    if sources.index is None:
        return []
    try:
        parts = sources.answer(auditor, Question().condition(datetime.now(UTC)), (), partial(_parts, sources))
    except UnavailableError:
        return []
    events, last = Counter[str](), dict[str, int]()
    for name, number, latest in chain.from_iterable(parts):
        events[name] += number
        if latest is not None:
            last[name] = max(latest, last.get(name, latest))
    names = sorted(events, key=lambda name: (name not in last, last.get(name), name))
    return [Service(name, events[name], format_milliseconds(last[name]) if name in last else "") for name in names]


def _parts(sources: Sources, found: Gathered) -> list[Latest]:
    parts = [_of_file(sources, file, rows) for file, rows in found.by_file()]
    if found.unindexed().has_rows:
        parts.append(_latest(sources, found.unindexed()))
    return parts


def _of_file(sources: Sources, file: IndexedFile, rows: Gathered) -> Latest:
    return sources.services.of((file.sha256, rows.condition), partial(_latest, sources, rows))


def _latest(sources: Sources, rows: Gathered) -> Latest:
    with sources.searching(rows) as searcher:
        return searcher.latest_by("service")
