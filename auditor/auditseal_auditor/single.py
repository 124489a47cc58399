"""One block by itself, verified as far as one block can be."""

from dataclasses import dataclass

from auditseal_auditor.chain import Chain
from auditseal_auditor.finding import Fault
from auditseal_schemas.block import Block
from auditseal_schemas.errors import AuditsealError, VerificationError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.recheck import check_records
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict
from auditseal_vault.head import read_head
from auditseal_vault.interface import VaultReader


class NotThereError(AuditsealError):
    """The vault has no such block or record; which may be a fault of the log, that `verify` tells: exit code 1."""


@dataclass(frozen=True, slots=True)
class SingleBlock:
    """A block whose content, checkpoint and signature hold.

    Attributes:
        block: The block.
        object: Its key in the vault.
        version_id: The version that was read: the oldest.
        keys: The keys that signed it.
        from_start: The keys were followed from where the trust file starts the log, with every block on the way checked
            but for its records; else they are the pinned ones.
    """

    block: Block
    object: str
    version_id: str
    keys: tuple[VerifierKey, ...]
    from_start: bool


def read_single(reader: VaultReader, pinned: PinnedLog, height: int) -> SingleBlock:
    """Read the block of a height and verify it.

    Raises:
        NotThereError: There is none.
        VerificationError: It, or a block below that its keys depend on, doesn't hold.
        UnavailableError: The store can't be read.
    """
    key, version_id, block = _read(reader, pinned.origin, height)
    found = (block.header.origin, block.header.height)
    if found != (pinned.origin, height):
        problem = f"it is block {found[1]} of {found[0]}"
        raise VerificationError(Verdict.BROKEN_CHAIN, "origin", problem)
    block.check_checkpoint()
    keys, from_start = pinned.keys, False
    try:
        block.check_signatures(keys)
    except VerificationError:
        keys, from_start = _keys_at(reader, pinned, height), True
        block.check_signatures(keys)
    block.check_stored()
    check_records(block)
    return SingleBlock(block, key, version_id, keys, from_start)


def find_height(reader: VaultReader, origin: Origin, offset: int) -> int:
    """Return the height of the block whose range holds an offset, by its header's word: nothing is verified.

    Raises:
        NotThereError: The blocks in the vault end before it, or it has none.
        MalformedError: A block on the way there is none.
        UnavailableError: The store can't be read.
    """
    head = read_head(reader, origin)
    if head is None:
        raise NotThereError(f"the vault holds no block of {origin}")
    low, high = 0, head[0]
    last = Block.parse(head[1]).header.last_offset
    if offset > last:
        raise NotThereError(f"{origin} is sealed up to offset {last}; {offset} is not in the vault")
    while low < high:
        middle = (low + high) // 2
        if _read(reader, origin, middle)[2].header.last_offset < offset:
            low = middle + 1
        else:
            high = middle
    return low


def find_record(block: Block, offset: int) -> SealedRecord:
    """Return the record of an offset.

    Raises:
        NotThereError: The block has none there; the message says why.
    """
    header = block.header
    for record in block.records():
        if record.offset == offset:
            return record
    for gap in header.gaps:
        if gap.first <= offset <= gap.last:
            why = ("a transaction marker, or compacted away", "deleted before the log began")[gap.cause]
            raise NotThereError(
                f"offset {offset} is in a gap that was sealed as such, {gap.first} to {gap.last}: {why}"
            )
    span = f"{header.first_offset} to {header.last_offset}"
    raise NotThereError(f"block {header.height} holds the offsets {span}, and not {offset}: leave the height out")


def _read(reader: VaultReader, origin: Origin, height: int) -> tuple[str, str, Block]:
    """Return key, version and block: the oldest version's, which is the one that was locked."""
    key = origin.block_key(height)
    oldest = None
    for entry in reader.versions(key):
        if entry.key == key and not entry.is_delete_marker:
            oldest = entry.version_id
    if oldest is None:
        raise NotThereError(f"the vault holds no block {height} of {origin}")
    return key, oldest, Block.parse(reader.read(key, oldest))


def _keys_at(reader: VaultReader, pinned: PinnedLog, height: int) -> tuple[VerifierKey, ...]:
    """Follow the keys up to a height, checking every block on the way but for its records.

    Raises:
        VerificationError: One of them doesn't hold; the message says which.
    """
    chain = Chain(pinned)
    for below in range(pinned.start.height if pinned.start else 0, height):
        block = _read(reader, pinned.origin, below)[2]
        fault = chain.link(below, block) or _stored_fault(block) or chain.advance(block)
        if fault:
            problem = f"block {below}, which its keys depend on: {fault.problem}"
            raise VerificationError(fault.verdict, fault.field, problem, offset=fault.offset)
    return chain.keys


def _stored_fault(block: Block) -> Fault | None:
    try:
        block.check_stored()
    except VerificationError as error:
        return Fault.of(error)
    return None
