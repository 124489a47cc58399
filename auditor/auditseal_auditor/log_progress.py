"""The state that the next block of a log must fit, and the part of it that remains after a fault."""

from auditseal_auditor.findings import Fault
from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verification import LINK, verify


class LogProgress:
    """The state of a log while it is checked (docs/reference/format.md, section 14, "Going on").

    Attributes:
        keys: The keys valid at the next height.
    """

    def __init__(self, pinned: PinnedLog) -> None:
        """Begin where the trust file says: before the first block, or at a pinned root in the middle."""
        self.keys: tuple[VerifierKey, ...] = pinned.keys
        self._origin, self._start = pinned.origin, pinned.start
        self._state = None if pinned.start else LogState.genesis(pinned.origin, pinned.keys)

    def lose(self) -> None:
        """Forget everything except the keys: the next block is checked by its own frontier."""
        self._state = self._start = None

    def link(self, height: int, block: Block) -> Fault | None:
        """Check steps 2 to 6 for the block at a height; after a fault the state is lost."""
        try:
            verify(block, LINK, self._expected(height))
        except VerificationError as error:
            self.lose()
            return Fault.of(error)
        return None

    def advance(self, block: Block) -> Fault | None:
        """Continue from a linked block; return the fault of step 9, after which the keys stay as they were."""
        try:
            self._state = LogState.after(block, self.keys)
        except VerificationError as error:
            header = block.header
            self._state = LogState(self._origin, self.keys, block.next_frontier, block.leaf, header.last_link, header)
            return Fault.of(error)
        self.keys = self._state.keys
        return None

    def _expected(self, height: int) -> Expected:
        """Return what the block of a height must fit: the state where there is one, else its place alone."""
        if self._state:
            return self._state.expected
        start_root = self._start.root if self._start else None
        return Expected(origin=self._origin, height=height, keys=self.keys, start_root=start_root)
