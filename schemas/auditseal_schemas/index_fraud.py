"""A proof that an index's owner signed something false: a record, and what the index says of one of its terms.

Its first line is `auditseal/index-fraud@v1`; the rest is the canonical Avro encoding of `avro/index_fraud.avsc`
(docs/reference/absence.md). The record is proven in the very tree that the owner says the segment was made from. So
the file and the trust file's index line are all that it takes.
"""

from dataclasses import dataclass
from typing import Self

from auditseal_schemas.checkpoint import TreeHead
from auditseal_schemas.completeness_proof import check_index_head
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.event import SCHEMA_VERSION
from auditseal_schemas.event_proof import check_record_path
from auditseal_schemas.header import Header
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.merkle import check_inclusion, leaf_hash
from auditseal_schemas.note import Note
from auditseal_schemas.proof_file import ProofKind
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.segment_proof import SegmentProof, split_hashes
from auditseal_schemas.term import Term, terms_of
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict

FIRST_LINE = b"auditseal/index-fraud@v1\n"
MAX_FRAUD_BYTES = 64 << 20
"""A proof's size: the postings of a common term, and the largest record."""
_KIND = ProofKind(FIRST_LINE, "index_fraud", MAX_FRAUD_BYTES)
_RECORD_FIELDS = ("link", "record", "index", "path")


@dataclass(frozen=True, slots=True)
class ProvenFraud:
    """What a proof of fraud establishes.

    Attributes:
        term: The term that the index is wrong about.
        record: The record.
        header: The header of its block.
        is_omitted: Whether the index omits the record; otherwise the index has it and the record lacks the term.
        segment: The segment of the index.
        index: The key that signed it.
        head: The head of the index log.
    """

    term: Term
    record: SealedRecord
    header: Header
    is_omitted: bool
    segment: IndexSegment
    index: VerifierKey
    head: TreeHead


@dataclass(frozen=True, slots=True)
class IndexFraud:
    """A proof as parsed; nothing of it is checked.

    Attributes:
        note: The signed checkpoint of the index log.
        term: The term.
        segment: What the index proves of the term in one segment.
        header: The bytes of the header of the record's block.
        log_path: Its inclusion proof in the tree that the segment was made from.
        record: The fields `link`, `record`, `index` and `path`, as the schema `event_proof` has them.
    """

    note: Note
    term: Term
    segment: SegmentProof
    header: bytes
    log_path: tuple[bytes, ...]
    record: dict[str, object]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file strictly.

        Raises:
            MalformedError: It is anything else, or exceeds the limit.
        """
        value = _KIND.decode(data)
        return cls(
            note=Note.parse(value["checkpoint"]),
            term=Term(value["field"], value["value"]),
            segment=SegmentProof.from_fields(value["segment"]),
            header=value["header"],
            log_path=split_hashes(value["log_path"]),
            record={name: value[name] for name in _RECORD_FIELDS},
        )

    def format(self) -> bytes:
        """Return the file's bytes."""
        value = {
            "checkpoint": self.note.format(),
            "field": self.term.field,
            "value": self.term.value,
            "segment": self.segment.fields,
            "header": self.header,
            "log_path": b"".join(self.log_path),
            **self.record,
        }
        return _KIND.encode(value)

    def check(self, trust: Trust) -> ProvenFraud:
        """Check that a pinned index says something of a record that is not so, and return that.

        Raises:
            VerificationError: The proof doesn't hold: MALFORMED, MISSING_LOG, BAD_SIGNATURE, BAD_ROOT or BROKEN_CHAIN;
                BAD_RECORD, what the index says of the record is true.
        """
        key, head = check_index_head(self.note, trust)
        said = self.segment.check([self.term], head)
        header, record = self._check_record()
        has_term, is_posted = self.term in terms_of(record), record.offset in said
        if has_term == is_posted:
            problem = f"the index says the truth of the record at offset {record.offset}: this is not a fraud"
            raise VerificationError(Verdict.BAD_RECORD, "term", problem)
        return ProvenFraud(self.term, record, header, has_term, self.segment.segment, key, head)

    def _check_record(self) -> tuple[Header, SealedRecord]:
        """Check that the record is in a block that the segment was made from."""
        segment, header = self.segment.segment, Header.parse(self.header)
        if segment.event_schema != SCHEMA_VERSION:
            problem = f"the index knows events up to version {segment.event_schema}, and this version {SCHEMA_VERSION}"
            raise MalformedError("segment.event_schema", problem)
        if header.origin != segment.head.origin or not segment.first_height <= header.height <= segment.last_height:
            problem = f"block {header.height} of {header.origin} is not one that the segment was made from"
            raise VerificationError(Verdict.BROKEN_CHAIN, "height", problem)
        leaf = leaf_hash(self.header)
        check_inclusion(leaf, header.height, segment.head.size, self.log_path, segment.head.root)
        return header, check_record_path(self.record, header)
