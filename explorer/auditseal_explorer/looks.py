"""What the trail says of each look. One table has the action of every address that shows something."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from auditseal_explorer.auditor import auditor_of
from auditseal_explorer.deadline import seconds_left
from auditseal_explorer.question import Question
from auditseal_explorer.trail import Look, Trail
from auditseal_schemas.event_parts import Outcome, Resource
from auditseal_search.answer import Grade

ACTIONS = {
    "/": "auditseal.search",
    "/case": "auditseal.search",
    "/case.zip": "auditseal.evidence",
    "/case.html": "auditseal.evidence",
    "/event": "auditseal.view",
    "/proof": "auditseal.proof",
    "/logs": "auditseal.health",
    "/export.csv": "auditseal.export",
    "/export.jsonl": "auditseal.export",
    "/api/v1/search": "auditseal.search",
    "/api/v1/event": "auditseal.view",
    "/api/v1/logs": "auditseal.health",
}
"""The action of each path."""
_MOST_CHARACTERS = 2_000  # of an address that is recorded


@dataclass(frozen=True, slots=True)
class Looks:
    """Records looks and attempts.

    Attributes:
        trail: Takes them.
        vault: The vault's URL, which names what is looked at.
    """

    trail: Trail
    vault: str

    def answered(self, request: Request, attributes: Mapping[str, str], resource: Resource | None = None) -> None:
        """Record a look whose answer is ready.

        Raises:
            LateError: It is ready too late to be shown.
            UnrecordedError: It was not recorded, so its answer must not be shown.
        """
        seconds_left()
        action, actor = ACTIONS[request.url.path], auditor_of(request).actor
        self.trail.record(Look(actor, action, resource or self._all, attributes))

    def refused(self, request: Request, problem: str) -> None:
        """Record an attempt that gets no answer: a mistake, an event of another tenant, a block that does not hold.

        Raises:
            UnrecordedError: It was not recorded.
        """
        action = ACTIONS.get(request.url.path)
        if action is not None:
            address = {"address": request.url.query[:_MOST_CHARACTERS]}
            actor = auditor_of(request).actor
            self.trail.record(Look(actor, action, self._all, address, Outcome.FAILURE, problem))

    @property
    def _all(self) -> Resource:
        return Resource("audit_vault", self.vault)


def described(question: Question, rows: int, grade: Grade) -> dict[str, str]:
    """Return the attributes of an answer to a question."""
    heads = " ".join(f"{origin}:{size}" for origin, size in question.as_of)
    return {"filter": question.filter, "as_of": heads, "rows": str(rows), "grade": grade.value}
