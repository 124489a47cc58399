"""The proof of one sealed record: a C2SP proof of its block's header, and the path from the record to that header.

What it takes to check one: the file, and a trust file. No vault, no network.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from auditseal_schemas.block import Block
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.merkle import HASH_SIZE, check_inclusion, inclusion_proof, leaf_hash
from auditseal_schemas.record import SealedRecord, next_link, parse_record
from auditseal_schemas.registry_schema import PinnedSchema
from auditseal_schemas.rotation import Rotation, keys_after
from auditseal_schemas.schema import decode_value, encode_value
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict

_SCHEMA = "event_proof"


@dataclass(frozen=True, slots=True)
class ProvenRecord:
    """What a proof establishes.

    Attributes:
        record: The record as it was sealed.
        header: The header of its block.
        index: The record's number in the block, from 0.
        checkpoint: The checkpoint that the log signed.
        keys: The keys that signed it.
        schemas: The schemas of a registry that the trust file pins for the log.
    """

    record: SealedRecord
    header: Header
    index: int
    checkpoint: Checkpoint
    keys: tuple[VerifierKey, ...]
    schemas: tuple[PinnedSchema, ...] = ()


def prove_record(block: Block, index: int, rotations: Sequence[Rotation] = ()) -> TlogProof:
    """Return the proof of a block's record.

    Args:
        block: The block, verified.
        index: The record's number in it, from 0.
        rotations: The blocks that announced the keys which signed this one, in order; none where they are pinned.

    Raises:
        IndexError: The block has no such record.
    """
    if not 0 <= index < block.header.count:
        raise IndexError(f"no record {index} in a block of {block.header.count}")
    links, link, before, found = list[bytes](), block.header.first_link, b"", b""
    for number, record in enumerate(block.encoded_records()):
        if number == index:
            before, found = link, record
        link = next_link(link, record)
        links.append(link)
    extra = {
        "header": block.header.format(),
        "link": before,
        "record": found,
        "index": index,
        "path": b"".join(inclusion_proof(links, index)),
        "rotations": [rotation.fields for rotation in rotations],
    }
    return TlogProof(block.header.height, tuple(block.frontier.path), block.note, encode_value(_SCHEMA, extra))


def check_record_proof(proof: TlogProof, trust: Trust) -> ProvenRecord:
    """Check that a record is in a pinned log, and return it.

    Raises:
        VerificationError: MALFORMED, a part does not parse; MISSING_LOG, the log is not pinned; BROKEN_CHAIN, the
            header is of another height; BAD_RECORD, the record is not at the offset that the header gives it;
            BAD_ROOT, a path leads to another root; BAD_KEY or BAD_SIGNATURE, the log's keys did not sign.
    """
    extra = decode_value(_SCHEMA, proof.extra)
    header, checkpoint = Header.parse(extra["header"]), Checkpoint.parse(proof.note.text)
    pinned = _pinned_log(trust, header, checkpoint)
    if header.height != proof.index:
        problem = f"the proof is of entry {proof.index}, the header of height {header.height}"
        raise VerificationError(Verdict.BROKEN_CHAIN, "height", problem)
    if pinned.start and header.height < pinned.start.height:
        problem = f"the trust file starts the log at height {pinned.start.height}, and the block is below"
        raise VerificationError(Verdict.MISSING_LOG, "height", problem)
    rotations = [Rotation.from_fields(fields) for fields in extra["rotations"]]
    keys = keys_after(pinned, rotations, header.height)
    proof.note.check(keys)
    check_inclusion(leaf_hash(extra["header"]), proof.index, checkpoint.size, proof.path, checkpoint.root)
    record = check_record_path(extra, header)
    return ProvenRecord(record, header, extra["index"], checkpoint, keys, pinned.schemas)


def _pinned_log(trust: Trust, header: Header, checkpoint: Checkpoint) -> PinnedLog:
    if checkpoint.origin != header.origin:
        problem = f"it is of {checkpoint.origin}, the header of {header.origin}"
        raise VerificationError(Verdict.BAD_ROOT, "checkpoint.origin", problem)
    return trust.log_of(header.origin)


def check_record_path(extra: dict[str, object], header: Header) -> SealedRecord:
    """Check the path from a record to its header's root of events, and return the record.

    Args:
        extra: The fields `link`, `record`, `path` and `index`, as the schema `event_proof` has them.
        header: The header of the record's block.

    Raises:
        VerificationError: MALFORMED, BAD_ROOT, or BAD_RECORD: the record is not at the offset of its place.
    """
    link, encoded, path, index = extra["link"], extra["record"], extra["path"], extra["index"]
    assert isinstance(link, bytes)
    assert isinstance(encoded, bytes)
    assert isinstance(path, bytes)
    assert isinstance(index, int)
    if len(link) != HASH_SIZE or len(path) % HASH_SIZE:
        raise MalformedError("proof.path", "a link or path is not of whole hashes of 32 bytes")
    record = parse_record(encoded)
    hashes = [path[start : start + HASH_SIZE] for start in range(0, len(path), HASH_SIZE)]
    check_inclusion(next_link(link, encoded), index, header.count, hashes, header.events_root)
    if record.offset != (offset := header.offset_of(index)):
        problem = f"it says offset {record.offset}, and record {index} of the block is at {offset}"
        raise VerificationError(Verdict.BAD_RECORD, "record.offset", problem, offset=offset)
    return record
