"""Decides what to do with a block from the topic: store it, compare it with the stored one, or stop. Pure.

| the block's height | result |
| --- | --- |
| the log's next one, and the block verifies | `StoreBlock` |
| below it | `CompareBlock`: the vault has a block there, which must be the same (`conflict`) |
| above it | `MissingBlocks`: heights between are missing |

All else is a halt: the archiver stores only blocks that an auditor would accept, and skips none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from auditseal_archiver.retention import sealed_time
from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.log import LogState
from auditseal_schemas.verification import RECORDS, verify

CLOCK_LEAD = timedelta(minutes=10)
"""By how much a block's `sealed_at` may be ahead of our clock; beyond it every lock would be counted from a wrong time.
"""


@dataclass(frozen=True, slots=True)
class StoreBlock:
    """Store the block. It is the log's next one and is verified; once it is stored, the log's state is `state`."""

    state: LogState


@dataclass(frozen=True, slots=True)
class CompareBlock:
    """Compare the block with the one that the vault has at this height."""


@dataclass(frozen=True, slots=True)
class MissingBlocks:
    """Look for the heights `first` to `last`: they are between the vault's head and the block."""

    first: int
    last: int


def decide(state: LogState, block: Block, now: datetime) -> StoreBlock | CompareBlock | MissingBlocks:
    """Return what to do with a block of a log whose state in the vault is `state`.

    Raises:
        HaltError: INVALID_BLOCK, an auditor would refuse it; CLOCK, it was sealed in the future.
    """
    height = block.header.height
    if height < state.height:
        return CompareBlock()
    if height > state.height:
        return MissingBlocks(state.height, height - 1)
    try:
        following = state.accept(block)
        verify(block, RECORDS)
    except VerificationError as error:
        raise invalid_block(f"block {height} of {state.origin}", error) from error
    sealed_at = sealed_time(block)
    if sealed_at > now + CLOCK_LEAD:
        problem = f"block {height} of {state.origin} was sealed at {sealed_at}, and this machine's clock says {now}"
        raise HaltError(Halt.CLOCK, problem)
    return StoreBlock(following)


def parse_block(data: bytes, what: str) -> Block:
    """Return the block that a record of the topic holds; `what` names the record in errors.

    Raises:
        HaltError: INVALID_BLOCK.
    """
    try:
        return Block.parse(data)
    except VerificationError as error:
        raise invalid_block(what, error) from error


def invalid_block(what: str, error: VerificationError) -> HaltError:
    """Return the halt for a block that an auditor would refuse."""
    return HaltError(Halt.INVALID_BLOCK, f"{what} in the blocks topic: {error}")
