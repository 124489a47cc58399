"""The trail of auditors: each query, view, export and proof is an audit event."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from auditseal_schemas.event_parts import Actor, Category, Outcome, Resource


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
