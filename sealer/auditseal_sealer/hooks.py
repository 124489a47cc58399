"""Points between the steps of sealing at which a fault campaign may act. In production they do nothing."""

from enum import StrEnum
from typing import Protocol

from auditseal_schemas.origin import Origin


class Step(StrEnum):
    """What has just been done."""

    RECOVERED = "recovered"
    SIGNED = "signed"
    BEGUN = "begun"
    PRODUCED = "produced"
    FLUSHED = "flushed"
    OFFSETS_SENT = "offsets_sent"
    COMMITTED = "committed"
    SETTLED = "settled"


class Hooks(Protocol):
    """Takes notice of steps."""

    def after(self, step: Step, origin: Origin) -> None:
        """Take notice that a step of a log is done; an exception fails the step."""
        ...


class NoHooks:
    """Takes no notice."""

    def after(self, step: Step, origin: Origin) -> None:
        """Do nothing."""
