"""The state that the next block of a log must fit, and the part of it that remains after a fault."""

from auditseal_auditor.check_start import CheckStart
from auditseal_auditor.findings import Fault
from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.verification import LINK, verify


class LogProgress:
    """The state of a log while it is checked (docs/reference/format.md, section 14, "Going on").

    Attributes:
        keys: The keys valid at the next height.
    """

    def __init__(self, start: CheckStart) -> None:
        self.keys: tuple[VerifierKey, ...] = start.keys
        self._start, self._state = start, start.state

    def lose(self) -> None:
        """Forget everything except the keys: the next block is checked by its own frontier."""
        self._state = None

    def link(self, height: int, block: Block) -> Fault | None:
        """Check steps 2 to 6 for the block at a height; after a fault the state is lost."""
        expected = self._state.expected if self._state else self._start.expected(height, self.keys)
        try:
            verify(block, LINK, expected)
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
            self._state = LogState(header.origin, self.keys, block.next_frontier, block.leaf, header.last_link, header)
            return Fault.of(error)
        self.keys = self._state.keys
        return None
