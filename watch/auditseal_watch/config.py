"""The configuration of a watcher."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from auditseal_auditor.request import Request
from auditseal_auditor.state.heads import Head
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust

_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """What a watcher verifies, how often, and where it remembers.

    Attributes:
        trust: The trust file.
        vault: The URL of the vault to read.
        state_file: The file of the remembered heads, as `auditseal verify --state` takes it.
        every: The time from the end of one check to the next.
        scrub_period: The time within which all older blocks are checked again.
        most_age: The longest time since the last block of a log was sealed; None for any.
        expected: Logs that must exist, whether or not the trust file pins them.
        evidence: The folder for the proofs of forks; None for none.
    """

    trust: Trust
    vault: str
    state_file: Path
    every: timedelta = timedelta(seconds=10)
    scrub_period: timedelta = timedelta(days=7)
    most_age: timedelta | None = None
    expected: tuple[Origin, ...] = ()
    evidence: Path | None = None

    def request(self, heads: dict[Origin, Head], now: int) -> Request:
        """Return what the next check verifies: all blocks from the heads on, and the older ones that are due.

        Args:
            heads: The remembered heads.
            now: The time, in µs since the epoch.
        """
        pinned = self.trust.vault
        return Request(
            self.trust,
            heads=heads,
            now=now,
            continued=True,
            scrub_period=self.scrub_period // _MICROSECOND,
            memory=f"state {self.state_file}",
            expected=self.expected,
            oldest=None if self.most_age is None else now - self.most_age // _MICROSECOND,
            notices=(f"the trust file pins another vault, {pinned}",) if pinned not in {None, self.vault} else (),
        )
