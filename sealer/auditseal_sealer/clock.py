"""The bound on a block's time: a block must not claim a time that the broker has not reached."""

from dataclasses import dataclass

from auditseal_schemas.halt import Halt, HaltError


@dataclass(frozen=True, slots=True)
class BrokerClock:
    """The broker's clock as last observed: the broker stamps the records that it appends.

    Attributes:
        appended: The broker's timestamp, ms since the epoch.
        seen: The time of the observation, seconds of a monotonic clock.
    """

    appended: int
    seen: float

    def check(self, sealed_at: int, now: float, bound: float) -> None:
        """Check that `sealed_at` (µs since the epoch) doesn't lead the broker's clock by more than `bound` seconds.

        Raises:
            HaltError: CLOCK.
        """
        lead = sealed_at / 1e6 - (self.appended / 1e3 + now - self.seen)
        if lead > bound:
            problem = f"sealing now would claim a time {lead:.1f} s ahead of the broker's clock, at most {bound:g} s"
            raise HaltError(
                Halt.CLOCK, f"{problem}: set this machine's and the broker's clocks by NTP, then start again"
            )
