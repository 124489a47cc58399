"""Makes proofs from a vault: of one record, and that one head of a log is a prefix of a later one.

Each block is read once, and few blocks are read: a block's own frontier is its inclusion proof.
"""

from auditseal_auditor.errors import RecordNotFoundError
from auditseal_auditor.single_block import find_height, read_single
from auditseal_schemas.block import Block
from auditseal_schemas.consistency_file import ConsistencyFile
from auditseal_schemas.event_proof import prove_record
from auditseal_schemas.merkle import consistency_path, node_hash
from auditseal_schemas.rotation import Rotation
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import PinnedLog
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader, rotations_to


def prove_offset(reader: VaultReader, pinned: PinnedLog, offset: int) -> TlogProof:
    """Return the proof of the record at a Kafka offset. Its block is verified first.

    Raises:
        RecordNotFoundError: No record is sealed at the offset.
        NotStoredError: The vault lacks a block that is needed.
        VerificationError: The block, or one that its keys depend on, doesn't hold.
        UnavailableError: The vault can't be read.
    """
    return prove_in_block(reader, pinned, find_height(reader, pinned.origin, offset), offset)


def prove_in_block(reader: VaultReader, pinned: PinnedLog, height: int, offset: int) -> TlogProof:
    """Return the proof of the record at an offset in the block of a height.

    Raises:
        RecordNotFoundError: The block has no record there.
        NotStoredError, VerificationError, UnavailableError: As `prove_offset`.
    """
    single = read_single(reader, pinned, height)
    index = next((number for number, record in enumerate(single.block.records()) if record.offset == offset), None)
    if index is None:
        raise RecordNotFoundError(f"block {height} of {pinned.origin} has no record at offset {offset}")
    return prove_record(single.block, index, _rotations(reader, pinned, single.block))


def prove_consistency(reader: VaultReader, pinned: PinnedLog, old_size: int, size: int) -> ConsistencyFile:
    """Return the proof that the log's first `old_size` blocks are a prefix of its first `size` blocks.

    Raises:
        RecordNotFoundError: The sizes are not 1 or more, and the older one at most the newer one.
        NotStoredError, VerificationError, UnavailableError: As `prove_offset`.
    """
    if not 1 <= old_size <= size:
        raise RecordNotFoundError(
            f"a head of {old_size} blocks is not before one of {size}: give the smaller size first"
        )
    old, new = (read_single(reader, pinned, height - 1).block for height in (old_size, size))
    log = LogReader(reader, pinned.origin)

    def range_root(start: int, end: int) -> bytes:
        return _range_root(log, start, end)

    path = consistency_path(old_size, size, range_root)
    return ConsistencyFile(old.note, tuple(path), new.note, _rotations(reader, pinned, new))


def _rotations(reader: VaultReader, pinned: PinnedLog, block: Block) -> tuple[Rotation, ...]:
    return tuple(map(Rotation.of, rotations_to(LogReader(reader, pinned.origin), pinned, block)))


def _range_root(log: LogReader, start: int, end: int) -> bytes:
    """Return the root over the headers from `start` to `end`, a range as RFC 6962 splits a tree into.

    A complete subtree that ends before `end` is made while block `end` - 1 is appended to the frontier before it. Any
    other range is split where RFC 6962 splits it.
    """
    size = end - start
    if size & (size - 1):
        middle = start + (1 << (size.bit_length() - 1))
        return node_hash(_range_root(log, start, middle), _range_root(log, middle, end))
    block = log.block(end - 1)
    node, left = block.leaf, list(block.frontier.hashes)
    for _ in range(size.bit_length() - 1):
        node = node_hash(left.pop(), node)
    return node
