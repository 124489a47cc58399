"""One block, found by its height or by an offset, and verified as far as one block alone can be."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from auditseal_auditor.errors import RecordNotFoundError
from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.halt import HaltError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.registry_schema import PinnedSchema
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import CHECKPOINT, RECORDS, STORED, verify
from auditseal_vault.head import stored_height
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader, keys_at, parse_in_place


@dataclass(frozen=True, slots=True)
class SingleBlock:
    """A block whose content, checkpoint and signatures hold.

    Attributes:
        block: The block.
        object: Its key in the vault.
        version_id: The version that was read: the oldest.
        keys: The keys that signed it.
        is_rotated: These are not the pinned keys: signed blocks on the way announced them, one key after the other.
        schemas: The schemas of a registry that the trust file pins for its log.
    """

    block: Block
    object: str
    version_id: str
    keys: tuple[VerifierKey, ...]
    is_rotated: bool
    schemas: tuple[PinnedSchema, ...] = ()


def read_single(reader: VaultReader, pinned: PinnedLog, height: int) -> SingleBlock:
    """Read the block of a height and verify it.

    Raises:
        NotStoredError: The vault has no block at the height, or lacks one that leads to its keys.
        VerificationError: The block doesn't hold, or one that its keys depend on.
        UnavailableError: The store can't be read.
    """
    log = LogReader(reader, pinned.origin)
    with _halt_is_bad_storage():
        stored = log.stored(height)
        block = parse_in_place(stored, pinned.origin)
        verify(block, CHECKPOINT)
        keys = keys_at(log, pinned, block)
    verify(block, STORED + RECORDS)
    return SingleBlock(block, stored.key, stored.version_id, keys, keys != pinned.keys, pinned.schemas)


def find_height(reader: VaultReader, origin: Origin, offset: int, first: int = 0) -> int:
    """Return the height of the block whose header covers an offset; nothing is verified.

    Args:
        reader: The vault.
        origin: The log.
        offset: The offset.
        first: The lowest height that the vault must have: that of the trust file's start.

    Raises:
        RecordNotFoundError: The blocks in the vault end before the offset, or there is no block.
        NotStoredError: The vault lacks a block that the search needs.
        VerificationError: An object on the way is not the block that its key names.
        UnavailableError: The store can't be read.
    """
    log = LogReader(reader, origin)
    with _halt_is_bad_storage():
        last = stored_height(reader, origin, first)
        if last is None or log.block(last).header.last_offset < offset:
            last = _head_above(log, offset)
        return _first_covering(log, offset, first, last)


def _head_above(log: LogReader, offset: int) -> int:
    """Return the height of the log's head, whose block covers an offset or one above it."""
    height = log.exact_height()
    if height is None:
        raise RecordNotFoundError(f"the vault holds no block of {log.origin}")
    last = log.block(height).header.last_offset
    if last < 0:
        raise RecordNotFoundError(f"{log.origin} has no records yet: its {height + 1} blocks are empty")
    if offset > last:
        raise RecordNotFoundError(f"{log.origin} is sealed up to offset {last}; {offset} is not in the vault")
    return height


def _first_covering(log: LogReader, offset: int, low: int, high: int) -> int:
    """Return the lowest height of some whose block ends at or above an offset."""
    while low < high:
        middle = (low + high) // 2
        if log.block(middle).header.last_offset < offset:
            low = middle + 1
        else:
            high = middle
    return low


def find_record(block: Block, offset: int) -> SealedRecord:
    """Return the record of an offset.

    Raises:
        RecordNotFoundError: The block has no record there; the message says why.
    """
    header = block.header
    for record in block.records():
        if record.offset == offset:
            return record
    for gap in header.gaps:
        if gap.first <= offset <= gap.last:
            why = ("a transaction marker, or compacted away", "deleted before the log began", "unreadable")[gap.cause]
            raise RecordNotFoundError(
                f"offset {offset} is in a gap that was sealed as such, {gap.first} to {gap.last}: {why}"
            )
    span = f"{header.first_offset} to {header.last_offset}"
    raise RecordNotFoundError(f"block {header.height} holds the offsets {span}, and not {offset}: leave the height out")


@contextmanager
def _halt_is_bad_storage() -> Iterator[None]:
    """Turn the halt of a daemon that meets a key without content into the verdict of a verifier.

    Raises:
        VerificationError: BAD_STORAGE.
    """
    try:
        yield
    except HaltError as error:
        raise VerificationError(Verdict.BAD_STORAGE, "object", str(error.__cause__ or error)) from error
