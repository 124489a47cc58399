"""The trail of auditors: each query, view, export and proof is an audit event, recorded by our own producer."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from auditseal_explorer.errors import UnrecordedError
from auditseal_glue.own_events import NotRecordedError, record_first, record_in_background
from auditseal_producer.recorder import Recorder
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Actor, Category, Outcome, Reason, Resource

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Look:
    """A look of an auditor, or an attempt at one.

    Attributes:
        actor: Who looks.
        action: What they do, such as `auditseal.search`.
        resource: What they look at.
        attributes: How: the filter, the heads, the number of rows, the grade.
        outcome: Whether they get an answer.
        problem: Why not; empty for a look that is answered.
        category: The kind of action.
    """

    actor: Actor
    action: str
    resource: Resource
    attributes: Mapping[str, str]
    outcome: Outcome = Outcome.SUCCESS
    problem: str = ""
    category: Category = Category.ACCESS


class Trail(Protocol):
    """Records what an auditor does."""

    def record(self, look: Look) -> None:
        """Record one look.

        Raises:
            UnrecordedError: It was not recorded, so its answer must not be shown.
        """
        ...


class NoTrail:
    """Records nothing."""

    def record(self, look: Look) -> None:
        """Do nothing."""


class ProducerTrail:
    """Records by a producer, and does not wait: a look that can't be recorded is logged, and answered.

    Args:
        recorder: The producer.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def record(self, look: Look) -> None:
        """Hand the event to the producer."""

        def log_failure(error: BaseException | None) -> None:
            if error:
                _log.error("%s of %s was not recorded: %s", look.action, look.actor.id, error)

        record_in_background(self._recorder, log_failure, **_fields(look))


class StrictTrail(ProducerTrail):
    """Records by a producer, and waits until the brokers have it: nothing is shown that was not recorded."""

    def record(self, look: Look) -> None:
        """Record one look, or refuse it."""
        try:
            record_first(self._recorder, **_fields(look))
        except NotRecordedError as error:
            raise UnrecordedError(f"the look was not recorded, so nothing is shown (--strict): {error}") from error


def _fields(look: Look) -> EventFields:
    return {
        "actor": look.actor,
        "action": look.action,
        "resources": [look.resource],
        "outcome": look.outcome,
        "reason": Reason(text=look.problem) if look.problem else None,
        "category": look.category,
        "attributes": dict(look.attributes),
    }
