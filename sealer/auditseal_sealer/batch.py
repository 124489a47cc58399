"""When a block closes before it is full. Pure: times come in as arguments, in seconds of a monotonic clock."""

from dataclasses import dataclass

from auditseal_schemas.block_draft import CloseReason

_QUIET = 100
"""Records a second: to wake up for each of them costs more than to seal them."""


@dataclass(frozen=True, slots=True)
class BatchPolicy:
    """The age at which a block closes, when a block without records is due, and how reading is paced.

    Attributes:
        age: Seconds from a block's first record to its close: with the commit, most of the time from event to sealed.
            docs/explanation/performance.md says what a shorter one costs.
        heartbeat: Seconds after a block until a block without records is due; 0 for never.
        wait: Seconds that one call waits for records at most. A sealer of many quiet partitions spends much of its CPU
            on calls that return without any.
    """

    age: float = 5.0
    heartbeat: float = 3600.0
    wait: float = 0.25

    def __post_init__(self) -> None:
        if not (self.age >= 0 and self.heartbeat >= 0 and 0 < self.wait <= 1):
            raise ValueError("age and heartbeat are 0 or more, the wait above 0 and at most 1 second")

    def wait_seconds(self, opened: float | None, now: float) -> float:
        """Return how long to wait for records: never beyond the close of a block that was opened at `opened`."""
        return self.wait if opened is None else min(self.wait, max(0.0, opened + self.age - now))

    def is_quiet(self, count: int, opened: float | None, closed: float) -> bool:
        """Return whether records come so rarely that the next ones may gather, by the block that was closed last."""
        return opened is not None and count < _QUIET * (closed - opened)

    def close_reason(self, full: CloseReason | None, opened: float | None, now: float) -> CloseReason | None:
        """Return why the block closes now, None while it fills; `full` is the draft's own reason."""
        if full is not None or opened is None:
            return full
        return CloseReason.AGE if now >= opened + self.age else None

    def is_heartbeat_due(self, last: float | None, now: float) -> bool:
        """Return whether a block without records is due: the first of a log at once, the next ones after a time.

        `last` is when the block before was sealed, None for a log without a block.
        """
        return last is None or (self.heartbeat > 0 and now >= last + self.heartbeat)
