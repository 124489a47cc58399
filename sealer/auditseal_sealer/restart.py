"""When a partition is sealed again after a failure, and when the sealer gives up instead. Pure.

| the failure | what follows |
| --- | --- |
| Kafka or the vault is unreachable | the next attempt, after a pause that doubles up to a bound |
| another sealer fenced this one | the next attempt, after a pause in which the group may take the partition away |
| it did so again, and this sealer had taken the log back from it | the end: two groups seal one log |
| the group expelled this sealer | the end: another sealer has its name |

Work that lasted for a while makes the next failure a first one.
"""

from dataclasses import dataclass
from enum import Enum, auto


class Failure(Enum):
    """What ended the sealing of a partition.

    FOUGHT is FENCED, too: this sealer had taken the log from another one before.
    """

    UNAVAILABLE = auto()
    FENCED = auto()
    FOUGHT = auto()
    EXPELLED = auto()


@dataclass(frozen=True, slots=True)
class Restart:
    """The next attempt.

    Attributes:
        pause: Seconds until it begins.
        next_pause: Seconds until the one after it, if this one fails too.
        was_fenced: Another sealer has fenced this one since the work last lasted.
    """

    pause: float
    next_pause: float
    was_fenced: bool = False


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """The pauses, in seconds.

    Attributes:
        shortest: The first pause.
        longest: The bound of all pauses after a failure of Kafka or the vault.
        fenced: The least pause after another sealer fenced this one: more than two heartbeats, so that this sealer gets
            the group's news first.
        steady: Work that lasts longer makes the next failure a first one.
    """

    shortest: float
    longest: float
    fenced: float
    steady: float = 30.0

    def first(self) -> Restart:
        """Return the state before any failure."""
        return Restart(0, self.shortest)

    def after(self, before: Restart, failure: Failure, worked: float) -> Restart | None:
        """Return the next attempt, None if the sealer must end.

        Args:
            before: The result for the failure before, or `first()`.
            failure: The failure.
            worked: Seconds from the beginning of the last attempt to the failure.
        """
        if worked > self.steady:
            before = self.first()
        if failure is Failure.EXPELLED or (failure is Failure.FOUGHT and before.was_fenced):
            return None
        is_fenced = failure in {Failure.FENCED, Failure.FOUGHT}
        pause = max(before.next_pause, self.fenced) if is_fenced else before.next_pause
        return Restart(pause, min(2 * pause, self.longest), before.was_fenced or is_fenced)
