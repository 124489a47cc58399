"""Makes proofs from a vault: of one record, of a producer's receipt, and that one head is a prefix of a later one.

Each block is read once, and few blocks are read: a block's own frontier is its inclusion proof.

claim = ReceiptClaim(receipt.topic, receipt.partition, receipt.offset, receipt.sha256)
proof = prove_receipt(open_reader("s3://audit-archive"), trust, claim)
"""

from bisect import bisect_left
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from auditseal_auditor.blocks.single_block import find_height, read_single
from auditseal_auditor.errors import RecordNotFoundError
from auditseal_schemas.block import Block
from auditseal_schemas.consistency_file import ConsistencyFile
from auditseal_schemas.errors import ConfigurationError, VerificationError
from auditseal_schemas.event_proof import check_record_proof, prove_record
from auditseal_schemas.merkle import consistency_path, node_hash
from auditseal_schemas.rotation import Rotation
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
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
    first = pinned.start.height if pinned.start else 0
    return prove_in_block(reader, pinned, find_height(reader, pinned.origin, offset, first), offset)


def prove_in_block(reader: VaultReader, pinned: PinnedLog, height: int, offset: int) -> TlogProof:
    """Return the proof of the record at an offset in the block of a height.

    Raises:
        RecordNotFoundError: The block has no record there.
        NotStoredError, VerificationError, UnavailableError: As `prove_offset`.
    """
    single = read_single(reader, pinned, height)
    header = single.block.header
    index = bisect_left(range(header.count), offset, key=header.offset_of)  # the records were compared with that
    if index == header.count or header.offset_of(index) != offset:
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
    path = consistency_path(old_size, size, lambda start, end: range_root(log, start, end))
    return ConsistencyFile(old.note, tuple(path), new.note, _rotations(reader, pinned, new))


def _rotations(reader: VaultReader, pinned: PinnedLog, block: Block) -> tuple[Rotation, ...]:
    return tuple(map(Rotation.of, rotations_to(LogReader(reader, pinned.origin), pinned, block)))


def range_root(log: LogReader, start: int, end: int) -> bytes:
    """Return the root over the headers from `start` to `end`, a range as RFC 6962 splits a tree into.

    A complete subtree that ends before `end` is made while block `end` - 1 is appended to the frontier before it. Any
    other range is split where RFC 6962 splits it.
    """
    size = end - start
    if size & (size - 1):
        middle = start + (1 << (size.bit_length() - 1))
        return node_hash(range_root(log, start, middle), range_root(log, middle, end))
    block = log.block(end - 1)
    node, left = block.leaf, list(block.frontier.hashes)
    for _ in range(size.bit_length() - 1):
        node = node_hash(left.pop(), node)
    return node


@dataclass(frozen=True, slots=True)
class ReceiptClaim:
    """What a receipt says.

    Attributes:
        topic: The events topic.
        partition: Its partition.
        offset: The Kafka offset.
        sha256: The SHA-256 of the record's value: 32 bytes.
    """

    topic: str
    partition: int
    offset: int
    sha256: bytes

    @classmethod
    def from_json(cls, value: object) -> Self:
        """Read a JSON object with `topic`, `partition`, `offset` and `sha256` in hexadecimal digits; more is allowed.

        Raises:
            ConfigurationError: It is anything else.
        """
        match value:
            case {"topic": str(topic), "partition": int(partition), "offset": int(offset), "sha256": str(digits)}:
                try:
                    return cls(topic, partition, offset, bytes.fromhex(digits))
                except ValueError as error:
                    raise ConfigurationError(f"the receipt's sha256 is not hexadecimal: {error}") from error
            case {"offset": None}:
                problem = "the receipt has no offset, since the broker acknowledged a repeated request"
                raise ConfigurationError(f"{problem}: prove the event by its id, with auditseal prove --event-id")
        raise ConfigurationError("the receipt is not a JSON object with topic, partition, offset and sha256")


def prove_receipt(reader: VaultReader, trust: Trust, claim: ReceiptClaim) -> TlogProof:
    """Return the proof that a receipt's event is sealed.

    Raises:
        RecordNotFoundError: It is not in the vault yet.
        VerificationError: MISSING_LOG, no pinned log is of that partition; BAD_RECORD, another event is sealed there;
            or a block doesn't hold.
        NotStoredError, UnavailableError: The vault lacks a block, or can't be read.
    """
    missing: RecordNotFoundError | None = None
    for log in _logs_of(trust, claim):
        try:
            proof = prove_offset(reader, log, claim.offset)
        except RecordNotFoundError as error:
            missing = error
            continue
        record = check_record_proof(proof, trust).record
        if record.value is None or sha256(record.value).digest() != claim.sha256:
            problem = "the record that is sealed at this offset is not the one that the receipt is of"
            raise VerificationError(Verdict.BAD_RECORD, "record.value", problem, offset=claim.offset)
        return proof
    assert missing is not None
    raise missing


def _logs_of(trust: Trust, claim: ReceiptClaim) -> list[PinnedLog]:
    """Return the pinned logs of a partition, the latest run first."""
    logs = [log for log in trust.logs if (log.origin.topic, log.origin.partition) == (claim.topic, claim.partition)]
    if not logs:
        problem = f"the trust file pins no log of {claim.topic}/{claim.partition}: add its log line"
        raise VerificationError(Verdict.MISSING_LOG, "origin", problem)
    return sorted(logs, key=lambda log: -log.origin.run)
