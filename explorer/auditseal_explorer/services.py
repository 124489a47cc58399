"""The latest event of each service: one that fell silent comes first."""

from dataclasses import dataclass
from datetime import UTC, datetime

from auditseal_explorer.auditor import Auditor
from auditseal_explorer.question import Question
from auditseal_explorer.sources import Sources
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.event_time import format_milliseconds


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
        found = sources.gather(auditor, Question().condition(datetime.now(UTC)), ())
        with found.searcher() as searcher:
            latest = searcher.latest_by("service")
    except UnavailableError:
        return []
    return [Service(name, events, "" if last is None else format_milliseconds(last)) for name, events, last in latest]
