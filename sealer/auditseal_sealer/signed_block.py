"""Blocks that this log's keys signed, and no others: only they decide where a log continues. Pure."""

from auditseal_schemas.block import Block
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import RECORDS, SIGNED, STORED, verify
from auditseal_sealer.log_keys import LogKeys


def open_block(origin: Origin, keys: LogKeys, data: bytes, where: str) -> tuple[Block, tuple[VerifierKey, ...]]:
    """Return a block and the keys of this log that signed it, or one of another run of the same partition and no keys.

    Raises:
        HaltError: INVALID_BLOCK, or KEY if another key signed it.
    """
    try:
        block = Block.parse(data)
        found = block.header.origin
        if (found.cluster, found.topic, found.partition) != (origin.cluster, origin.topic, origin.partition):
            raise MalformedError("origin", f"it is of {found}")
        if found != origin:
            return block, ()
        signed_by = keys.signers_of(block)
        verify(block, SIGNED + STORED, Expected.of(block.header, signed_by))
    except VerificationError as error:
        halt = Halt.KEY if error.verdict is Verdict.BAD_SIGNATURE else Halt.INVALID_BLOCK
        raise HaltError(halt, f"{origin}: {where} isn't one of ours: {error}") from error
    return block, signed_by


def find_unfinished(state: LogState, aborted: tuple[bytes, ...]) -> Block | None:
    """Return the next block that was signed and not committed.

    The key may have signed one such block beyond the head. If there are others, something of this log went elsewhere.
    All other records are leftovers from before the head or foreign, and readers of committed records never get them.

    Raises:
        HaltError: FORK; there are two, or one that doesn't extend the head. INVALID_BLOCK; its records are not valid.
    """
    found = {data: block for data in aborted if (block := _open_signed(state, data))}
    if not found:
        return None
    block, *others = found.values()
    where = f"{state.origin}: of {len(found)} signed and uncommitted blocks in the blocks topic"
    if others:
        raise HaltError(Halt.FORK, f"{where}, at most one can be block {state.height}")
    try:
        state.accept(block)
    except VerificationError as error:
        raise HaltError(Halt.FORK, f"{where}, block {block.header.height} doesn't extend the head: {error}") from error
    try:
        verify(block, RECORDS)
    except VerificationError as error:
        raise HaltError(Halt.INVALID_BLOCK, f"{where}, block {block.header.height} is broken: {error}") from error
    return block


def _open_signed(state: LogState, data: bytes) -> Block | None:
    """Return a block of this log that its key signed and that is beyond its head, None for anything else."""
    try:
        block = Block.parse(data)
        verify(block, SIGNED, Expected.of(block.header, state.keys))
    except VerificationError:
        return None
    return block if block.header.origin == state.origin and block.header.height >= state.height else None
