"""The place in a log where a check begins, and what is known there."""

from dataclasses import dataclass
from typing import Self

from auditseal_auditor.heads import Resume
from auditseal_schemas.expected import Expected
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog


@dataclass(frozen=True, slots=True)
class CheckStart:
    """The place in a log where a check begins, and what is known there.

    Attributes:
        origin: The log.
        keys: The keys valid at the first height.
        height: The first height.
        root: The root of the tree of the headers before it; None where it is not known, or 0 headers are before.
        remembered: The state after a remembered head, if the check begins with the head's block.
    """

    origin: Origin
    keys: tuple[VerifierKey, ...]
    height: int = 0
    root: bytes | None = None
    remembered: LogState | None = None

    @classmethod
    def pinned(cls, log: PinnedLog) -> Self:
        """Return the beginning that the trust file pins: the first block, or a root in the middle."""
        if log.start is None:
            return cls(log.origin, log.keys)
        return cls(log.origin, log.keys, log.start.height, log.start.root)

    @classmethod
    def continued(cls, resume: Resume) -> Self:
        """Return the beginning at a remembered head: its block is read again, and no block below it."""
        header = resume.block.header
        return cls(header.origin, resume.keys, header.height, remembered=resume.state)

    @property
    def state(self) -> LogState | None:
        """The state before the first block of a log; None at every other height."""
        return LogState.genesis(self.origin, self.keys) if self.height == 0 else None

    def expected(self, height: int, keys: tuple[VerifierKey, ...]) -> Expected:
        """Return what the block of a height must fit where no block before it was linked.

        Below the state after a remembered head only the place is known, and the root at the beginning itself.
        """
        if self.remembered and self.remembered.height == height:
            return self.remembered.expected
        start_root = self.root if height == self.height else None
        return Expected(origin=self.origin, height=height, keys=keys, start_root=start_root)
