"""Decides what an object means that is already at a block's key: after a 412, or at a height that is stored. Pure.

| the object at the key | the block from the topic | result |
| --- | --- | --- |
| the same bytes | any | the block is stored: an earlier attempt succeeded |
| another block that the log's keys signed | signed by the log's keys | FORK |
| anything else | signed by the log's keys | SQUATTED |
| other bytes | not signed by the log's keys | INVALID_BLOCK |
"""

from collections.abc import Sequence
from dataclasses import dataclass

from auditseal_archiver.decision import invalid_block, parse_block
from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.verification import CHECKPOINT, SIGNATURES, verify
from auditseal_vault.interface import StoredVersion


@dataclass(frozen=True, slots=True)
class BlockName:
    """What a block is, without its records: the log, the height, and the leaf, which commits to all of the block."""

    origin: Origin
    height: int
    leaf: bytes

    @classmethod
    def of(cls, block: Block) -> "BlockName":
        """Return a block's name."""
        return cls(block.header.origin, block.header.height, block.leaf)


def check_same_block(keys: Sequence[tuple[VerifierKey, ...]], ours: bytes, stored: bytes) -> None:
    """Check that the object at a block's key is the block from the topic, byte for byte.

    Args:
        keys: The sets of keys of which one must have signed a block of the log.
        ours: The block from the blocks topic.
        stored: The oldest version of the object.

    Raises:
        HaltError: INVALID_BLOCK, FORK or SQUATTED; see the table above.
    """
    if stored == ours:
        return
    block = parse_block(ours, "a block of a height that is stored")
    header = block.header
    try:
        _check_signed(block, keys)
    except VerificationError as error:
        what = f"block {header.height} of {header.origin}, of which the vault has another one,"
        raise invalid_block(what, error) from error
    raise conflict(keys, BlockName.of(block), stored)


def conflict(keys: Sequence[tuple[VerifierKey, ...]], ours: BlockName, stored: bytes) -> HaltError:
    """Return the halt for an object at a block's key whose bytes are not the block's: FORK or SQUATTED; see above.

    Args:
        keys: As for `check_same_block`.
        ours: The sealer's block, of which is known that the log's keys signed it.
        stored: The oldest version of the object.
    """
    where = f"{ours.origin.block_key(ours.height)} holds"
    try:
        other = Block.parse(stored)
        _check_signed(other, keys)
    except VerificationError as error:
        return HaltError(Halt.SQUATTED, f"{where} an object that is not a block of the log: {error}")
    if (other.header.origin, other.header.height) != (ours.origin, ours.height):
        return HaltError(Halt.SQUATTED, f"{where} block {other.header.height} of {other.header.origin}")
    if other.leaf == ours.leaf:
        return HaltError(Halt.SQUATTED, f"{where} the same header, signed, in other bytes than the sealer's")
    problem = f"{where} a signed block with leaf {other.leaf.hex()}; the sealer's has leaf {ours.leaf.hex()}"
    return HaltError(Halt.FORK, problem)


def check_no_marker_first(where: str, versions: Sequence[StoredVersion]) -> None:
    """Check that a block's key does not begin with a delete marker: a conditional write succeeds over one.

    Args:
        where: The key and the vault, for the error.
        versions: The versions and markers of the key, the newest first.

    Raises:
        HaltError: SQUATTED.
    """
    if versions[-1].is_delete_marker:
        problem = "holds a delete marker that is older than the block: someone was first"
        raise HaltError(Halt.SQUATTED, f"{where} {problem}")


def _check_signed(block: Block, keys: Sequence[tuple[VerifierKey, ...]]) -> None:
    """Check a block's checkpoint, by the first set of keys or else by the others."""
    verify(block, CHECKPOINT)
    for others in keys[1:]:
        try:
            verify(block, SIGNATURES, Expected.of(block.header, others))
        except VerificationError:
            continue
        return
    verify(block, SIGNATURES, Expected.of(block.header, keys[0]))
