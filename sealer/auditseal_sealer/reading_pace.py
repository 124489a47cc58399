"""When a partition needs a consumer of its own because it is behind, and when it needs it no more (ADR 0037). Pure.

Times are in seconds of a monotonic clock.
"""

from dataclasses import dataclass

_JUDGED_SECONDS = 0.5
"""Waiting after which it counts whether the broker has more. Idle neighbours of a busy one cost 0.1 s each fetch."""

_OFTEN = 2
"""Judgements in a row that there is more: a burst after a pause gets one."""

_FIRST_QUIET_SECONDS, _LONGEST_QUIET_SECONDS = 10.0, 600.0
_QUIET_RATE = 100
"""Records a second. The shared consumer reads at least ten fetches a second of each partition."""


@dataclass(slots=True)
class ReadingPace:
    """How a partition is read, since it has its present consumer.

    Time in which nobody reads it counts for nothing: another consumer would not help.
    """

    _counted_since: float
    _waited: float = 0.0
    _behind: int = 0
    _quiet_seconds: float = _FIRST_QUIET_SECONDS
    _records: int = 0

    def note(self, records: int, waited: float) -> None:
        """Note what a read got, and how long it waited."""
        self._records += records
        self._waited += waited

    def is_to_be_judged(self) -> bool:
        """Return whether it has waited for so long that `judge` has to know whether the broker has more."""
        return self._waited > _JUDGED_SECONDS

    def judge(self, *, has_more: bool) -> None:
        """Note whether the broker is known to have records that were not read yet."""
        self._behind, self._waited = self._behind + 1 if has_more else 0, 0.0

    def is_behind(self) -> bool:
        """Return whether it waits for fetches although the broker has records."""
        return self._behind >= _OFTEN

    def is_quiet(self, now: float) -> bool:
        """Return whether few records came for long; it is decided again after each such time."""
        if (elapsed := now - self._counted_since) < self._quiet_seconds:
            return False
        is_quiet = self._records < _QUIET_RATE * elapsed and not self._behind
        self._counted_since, self._records = now, 0
        return is_quiet

    def take_own(self, now: float) -> None:
        """Begin again with a consumer of its own, which is kept for twice as long as the one before."""
        self._restart(now)
        self._quiet_seconds = min(2 * self._quiet_seconds, _LONGEST_QUIET_SECONDS)

    def take_shared(self, now: float) -> None:
        """Begin again with the shared consumer."""
        self._restart(now)

    def stay(self) -> None:
        """Stay with the shared consumer, since no other one is free, and ask again after a while."""
        self._behind = 0

    def _restart(self, now: float) -> None:
        self._counted_since, self._waited, self._behind, self._records = now, 0.0, 0, 0
