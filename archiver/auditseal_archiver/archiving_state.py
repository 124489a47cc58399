"""The states that a partition of the blocks topic can have in the archiver that it is assigned to."""

from dataclasses import dataclass
from enum import StrEnum


class ArchivingState(StrEnum):
    """A partition's state, as the metric `auditseal_log_state` names it."""

    RECOVERING = "recovering"
    """The state of its log is being read from the vault."""
    ARCHIVING = "archiving"
    """Its blocks are stored as they come."""
    WAITING = "waiting"
    """The store doesn't answer."""
    UNPINNED = "unpinned"
    """The trust file pins no log of it. Its blocks stay in the topic."""
    HALTED = "halted"
    """Its log is new and can't be archived. Its blocks stay in the topic."""


@dataclass(frozen=True, slots=True)
class Held:
    """Why a partition isn't read while the others are.

    Attributes:
        state: UNPINNED or HALTED.
        reason: What happened, and what to do.
    """

    state: ArchivingState
    reason: str
