"""The head of the run that a later run goes on from, as the vault has it."""

from dataclasses import replace
from typing import Protocol

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin
from auditseal_schemas.verification import CHECKPOINT, verify


class ReadHead(Protocol):
    """What tells the sealer what the vault has of a log."""

    def __call__(
        self, origin: Origin, /, below: int = MAX_HEIGHT + 1, near: int | None = None
    ) -> tuple[int, bytes] | None:
        """Return height and bytes of the highest block of a log that lies below a height, None where there is none.

        `near` is a guess of that height, which makes the answer quicker where it is a good one.

        Raises:
            UnavailableError: The vault is away.
        """


def find_given_up(read_head: ReadHead, origin: Origin) -> Predecessor | None:
    """Return the last head of the last run before `origin` that the vault has blocks of, None where it has of none.

    That run needn't be the one just before: of a partition in which nothing was sealed during a run, the vault has
    nothing of that run. What lies at a block's place and is no block of the log is passed over: someone else put it
    there, and an auditor passes over it too. No signature is checked, since the run may have had another key.

    Raises:
        UnavailableError: The vault is away.
    """
    for run in reversed(range(origin.run)):
        earlier, below = replace(origin, run=run), MAX_HEIGHT + 1
        while found := read_head(earlier, below):
            below, data = found
            if head := _parse_head(earlier, below, data):
                return head
    return None


def _parse_head(origin: Origin, height: int, data: bytes) -> Predecessor | None:
    try:
        block = Block.parse(data)
        verify(block, CHECKPOINT)
    except VerificationError:
        return None
    if (block.header.origin, block.header.height) != (origin, height):
        return None
    return Predecessor(str(origin), height + 1, block.next_frontier.root)
