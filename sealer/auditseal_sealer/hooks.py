"""Points between the steps of sealing at which a fault campaign may act. In production they do nothing."""

from enum import StrEnum
from typing import Protocol

from auditseal_schemas.origin import Origin


class Step(StrEnum):
    """The step that was just done."""

    RECOVERED = "recovered"
    SIGNED = "signed"
    BEGUN = "begun"
    PRODUCED = "produced"
    FLUSHED = "flushed"
    OFFSETS_SENT = "offsets_sent"
    COMMITTED = "committed"
    SETTLED = "settled"


class Hooks(Protocol):
    """Gets each step."""

    def after(self, step: Step, origin: Origin) -> None:
        """Handle the end of a step of a log; an exception fails the step."""
        ...


class NoHooks:
    """Ignores all steps."""

    def after(self, step: Step, origin: Origin) -> None:
        """Do nothing."""
