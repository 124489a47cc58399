"""The pages. Jinja2 escapes every value, and only the documentation of our own is marked as safe."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from auditseal_auditor.report_text import MEANINGS, describe, printable
from auditseal_explorer.cases import MOST_EVENTS
from auditseal_explorer.checker import Checked
from auditseal_explorer.documents import Document
from auditseal_explorer.event_view import MOST_CHARACTERS, EventView
from auditseal_explorer.log_status import LogStatus
from auditseal_explorer.question import Heads, Question
from auditseal_explorer.results import Export, Results
from auditseal_explorer.runbooks import RUNBOOKS
from auditseal_explorer.services import Service
from auditseal_explorer.streams import Streams
from auditseal_explorer.timeline import HEIGHT, WIDTH
from auditseal_schemas import __version__
from auditseal_schemas.event_time import format_milliseconds
from auditseal_schemas.verdict import Verdict
from auditseal_search.errors import QueryError
from auditseal_search.query import has_absolute_times

_MOST_ALARMS = 3
_MOST_SERVICES = 50
_UNITS = ((86_400, "day"), (3_600, "h"), (60, "min"), (0, "s"))
_WORD = re.compile(r"[\w.-]+|.", re.DOTALL)
EXAMPLES = (
    "outcome = DENIED",
    "action ~ user.* and time >= -7d",
    "resource.type = role and not actor.type = service",
    "problem exists",
)
"""Filters to begin with."""


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("auditseal_explorer"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": visible,
        "describe": describe,
        "instant": instant,
        "number": "{:,}".format,
        "moment": moment,
        "milliseconds": format_milliseconds,
        "distance": distance,
    }
    environment.globals |= {"version": __version__, "width": WIDTH, "height": HEIGHT, "meanings": MEANINGS}
    return environment


def visible(text: object, most: int = MOST_CHARACTERS) -> str:
    """Return a text for a page: hidden characters as escapes, and a long text cut with a count."""
    whole = str(text)
    shown = printable(whole[:most])
    return shown if len(whole) <= most else f"{shown}… and {len(whole) - most:,} more characters"


def instant(time: datetime | None) -> str:
    """Return a time to the millisecond as RFC 3339, empty for none."""
    return "" if time is None else time.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(microseconds: int) -> str:
    """Return a time in µs since the epoch as RFC 3339, to the second."""
    return instant(datetime.fromtimestamp(microseconds // 1_000_000, UTC)).replace(".000Z", "Z")


def distance(time: str, now: datetime) -> str:
    """Return how far a time in RFC 3339 is from now, in its largest unit, such as `3 min ago` or `in 12 days`."""
    seconds = int((now - datetime.fromisoformat(time)).total_seconds())
    number, unit = next((abs(seconds) // (size or 1), unit) for size, unit in _UNITS if abs(seconds) >= size)
    text = f"{number:,} {unit}{'s' if unit == 'day' and number != 1 else ''}"
    return f"{text} ago" if seconds >= 0 else f"in {text}"


class Pages:
    """Writes pages.

    Attributes:
        vault: The URL of the vault, which every page names.
    """

    def __init__(self, vault: str) -> None:
        self.vault = vault
        self._environment = _environment()

    def results(self, results: Results, checked: Checked) -> str:
        """Return the page of an answer."""
        return self._page("results.html.j2", checked, results=results, question=results.question)

    def mistake(self, question: Question, error: QueryError, checked: Checked) -> str:
        """Return the page that marks the mistake in a filter."""
        found = _WORD.match(question.filter, error.position)
        return self._page("mistake.html.j2", checked, question=question, error=error, wrong=found[0] if found else " ")

    def event(self, view: EventView, heads: Heads, checked: Checked) -> str:
        """Return the page of an event. The links to what surrounds it go up to some heads, empty for those of now."""
        around = [(title, Question(text, heads)) for title, text in view.surroundings]
        surroundings = [(title, question.address()) for title, question in around if question.is_askable]
        return self._page("event.html.j2", checked, view=view, surroundings=surroundings, question=Question())

    def case(self, answer: Export, checked: Checked) -> str:
        """Return the page that offers the evidence of a question."""
        absolute = has_absolute_times(answer.question.filter)
        shown = {"answer": answer, "question": answer.question, "absolute": absolute, "most": MOST_EVENTS}
        return self._page("case.html.j2", checked, **shown)

    def logs(self, statuses: list[LogStatus], services: list[Service], streams: Streams, checked: Checked) -> str:
        """Return the page on the health of the logs."""
        shown = {
            "statuses": statuses,
            "services": services[:_MOST_SERVICES],
            "streams": streams,
            "question": Question(),
            "now": datetime.now(UTC),
        }
        return self._page("logs.html.j2", checked, **shown, more_services=max(0, len(services) - _MOST_SERVICES))

    def runbooks(self) -> str:
        """Return the page that says what to do about each state. It shows nothing of the vault."""
        return self._page("runbooks.html.j2", None, runbooks=RUNBOOKS, question=Question())

    def document(self, document: Document) -> str:
        """Return a page of the documentation. It shows nothing of the vault."""
        return self._page("document.html.j2", None, document=document, question=Question())

    def problem(
        self, title: str, detail: str, checked: Checked | None, *, verdict: Verdict | None = None, retry: bool = False
    ) -> str:
        """Return a page that says what went wrong and what to do; without `checked` it shows nothing of the vault."""
        shown = {"title": title, "detail": detail, "verdict": verdict, "retry": retry}
        return self._page("problem.html.j2", checked, **shown, question=Question())

    def _page(self, name: str, checked: Checked | None, **values: Any) -> str:
        report = checked.report if checked else None
        shown: Mapping[str, Any] = {
            "vault": self.vault,
            "checked": checked,
            "alarms": checked.findings[:_MOST_ALARMS] if checked else [],
            "alarm_count": report.finding_count if report else 0,
            "examples": EXAMPLES,
        }
        return self._environment.get_template(name).render(**shown, **values)
