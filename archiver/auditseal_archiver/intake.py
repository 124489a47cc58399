"""What the archiver does with a block: decided from values alone, without a broker or a store.

A block of the next height that an auditor would accept is stored. One of a height that the vault has is compared. All
else is a reason to stop: the archiver stores nothing that it can't vouch for, and passes over nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.recheck import check_records

CLOCK_LEAD = timedelta(minutes=10)
"""By which a block's `sealed_at` may lead our clock: beyond it every retention would be counted from a wrong time."""


@dataclass(frozen=True, slots=True)
class Store:
    """The block is the log's next one and verified: store it; once that is confirmed the log stands at `state`."""

    state: LogState


@dataclass(frozen=True, slots=True)
class Compare:
    """The vault has a block of that height: it must be this one."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Heights `first` to `last`, between the vault's head and this block, were never handed over."""

    first: int
    last: int


def decide(state: LogState, block: Block, now: datetime) -> Store | Compare | Missing:
    """Return what to do with a block of the log that stands at `state`.

    Raises:
        HaltError: INVALID_BLOCK, an auditor would refuse it; CLOCK, it was sealed in the future.
    """
    height = block.header.height
    if height < state.height:
        return Compare()
    if height > state.height:
        return Missing(state.height, height - 1)
    try:
        following = state.accept(block)
        check_records(block)
    except VerificationError as error:
        raise invalid(f"block {height} of {state.origin}", error) from error
    sealed_at = time_of(block)
    if sealed_at > now + CLOCK_LEAD:
        raise HaltError(Halt.CLOCK, f"block {height} of {state.origin} is sealed at {sealed_at}, and here it is {now}")
    return Store(following)


def check_stored(keys: Sequence[tuple[VerifierKey, ...]], ours: bytes, stored: bytes) -> None:
    """Check that what the vault holds at a height is the block that was handed over for it, byte for byte.

    Args:
        keys: The sets of keys of which one must have signed a block of the log.
        ours: The block from the blocks topic.
        stored: The oldest version in the vault.

    Raises:
        HaltError: INVALID_BLOCK, ours is none of the log; FORK, both are and they differ; SQUATTED, the stored one is
            none.
    """
    if stored == ours:
        return
    block = parse_block(ours, "a block of a height that is stored")
    header = block.header
    try:
        _check_signed(block, keys)
    except VerificationError as error:
        raise invalid(f"block {header.height} of {header.origin}, which the vault holds otherwise,", error) from error
    where = f"{header.origin.block_key(header.height)} holds"
    try:
        other = Block.parse(stored)
        _check_signed(other, keys)
    except VerificationError as error:
        raise HaltError(Halt.SQUATTED, f"{where} something that is no block of the log: {error}") from error
    if (other.header.origin, other.header.height) != (header.origin, header.height):
        raise HaltError(Halt.SQUATTED, f"{where} block {other.header.height} of {other.header.origin}")
    if other.leaf == block.leaf:
        raise HaltError(Halt.SQUATTED, f"{where} the same header, signed, in other bytes than the sealer's")
    raise HaltError(
        Halt.FORK, f"{where} a signed block with leaf {other.leaf.hex()}; the sealer's has leaf {block.leaf.hex()}"
    )


def _check_signed(block: Block, keys: Sequence[tuple[VerifierKey, ...]]) -> None:
    """Check a block's checkpoint, by the first set of keys or else by the others."""
    block.check_checkpoint()
    for others in keys[1:]:
        try:
            block.check_signatures(others)
        except VerificationError:
            continue
        return
    block.check_signatures(keys[0])


def parse_block(data: bytes, what: str) -> Block:
    """Return the block that was handed over.

    Raises:
        HaltError: INVALID_BLOCK.
    """
    try:
        return Block.parse(data)
    except VerificationError as error:
        raise invalid(what, error) from error


def invalid(what: str, error: VerificationError) -> HaltError:
    """Return the halt for what an auditor would refuse."""
    return HaltError(Halt.INVALID_BLOCK, f"{what} in the blocks topic: {error}")


def retain_until(block: Block, retention: timedelta, now: datetime) -> datetime:
    """Return when a block's lock ends, as a whole second: the retention after it was sealed and after now.

    So a block that waited for its lock is kept no shorter.
    """
    end = max(time_of(block), now) + retention
    return end.replace(microsecond=0) + timedelta(seconds=1 if end.microsecond else 0)


def time_of(block: Block) -> datetime:
    """Return when a block was sealed; a time beyond the calendar is its last second."""
    try:
        return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=block.header.sealed_at)
    except OverflowError:
        return datetime.max.replace(microsecond=0, tzinfo=UTC)
