"""An index made plainly, record by record, to compare fast ones with, and proofs of every kind."""

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.checkpoint import TreeHead
from auditseal_schemas.completeness_proof import CompletenessProof, LogCoverage
from auditseal_schemas.event import SCHEMA_VERSION, AuditEvent
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_parts import Actor, Authorization, Change, Outcome, Reason, Resource, Source, Stream
from auditseal_schemas.event_proof import prove_record
from auditseal_schemas.index_fraud import IndexFraud
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import inclusion_proof, tree_root
from auditseal_schemas.note import Note, sign_note
from auditseal_schemas.origin import Origin
from auditseal_schemas.postings import encode_postings
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.schema import decode_value
from auditseal_schemas.segment_proof import SegmentProof
from auditseal_schemas.term import EXTRACTOR, Term, terms_of
from auditseal_schemas.term_tree import Absent, Present, TermLeaf, absent, committed_postings
from tests.factory.keys import SIGNER, keys_of, signing_key
from tests.factory.messages import Message
from tests.factory.streams import stored_deflate

INDEX_NAME = "index.example.com"
INDEX_SIGNER = signing_key("index")
INDEX_KEY = VerifierKey(INDEX_NAME, INDEX_SIGNER.public)
START = datetime(2026, 11, 21, tzinfo=UTC)
_OFFSET_MS = 1_700_000_000_000

ReadTerms = Callable[[SealedRecord], Iterable[Term]]


def make_event(number: int) -> AuditEvent:
    """Return an event whose fields take turns, so that terms have one, some and many records."""
    return AuditEvent(
        event_id=f"01900000-0000-7000-8000-{number:012x}",
        event_type=None if number % 3 else "thing.done",
        occurred_at=START + timedelta(seconds=number),
        tenant=("acorn", "birch")[number % 2],
        source=Source(service="shop", environment="test", region="eu" if number % 2 else None),
        actor=Actor("user", f"u-{number % 4}", on_behalf_of="u-9" if number == 5 else None, session_id=f"s-{number}"),
        action=("read", "write", "read")[number % 3],
        resources=[Resource("file", f"f-{number % 5}"), Resource("folder", "d-1", parent="root")][: 1 + number % 2],
        outcome=Outcome.DENIED if number % 7 == 3 else Outcome.SUCCESS,
        reason=Reason("quota", None) if number % 7 == 3 else None,
        authorization=Authorization(number % 2 == 0) if number % 4 == 1 else None,
        changes=[Change("name", "a", "b")] if number % 3 == 1 else (),
        stream=Stream("stream", number),
    )


def make_value(number: int) -> bytes | None:
    """Return a record's value: most are events; number 10 is not an event, and number 11 is null."""
    return {10: b"not an event", 11: None}.get(number, encode_event(make_event(number)))


def event_log(
    origin: Origin, sizes: Sequence[int], signers: Sequence[SigningKey] = (SIGNER,), next_keys: Sequence[str] = ()
) -> list[Block]:
    """Return blocks of these numbers of events. Where there are next keys, block 0 announces them.

    The first signer signs block 0, the last one all others. Record 12 has headers that could not be read.
    """
    state, blocks, offset = LogState.genesis(origin, keys_of(origin, signers[0])), [], 0
    for height, size in enumerate(sizes):
        draft = BlockDraft(state, BlockLimits(), compress=stored_deflate)
        records = [
            Message(number, make_value(number), b"key", [], _OFFSET_MS + number, broken_headers=number == 12)
            for number in range(offset, offset + size)
        ]
        assert draft.extend(records) == size
        identity, now = SourceIdentity("C", "T", 2, 0), _OFFSET_MS * 1000 + height
        announced = tuple(next_keys) if height == 0 else ()
        signer = signers[0] if height == 0 else signers[-1]
        blocks.append(draft.seal(identity, [signer], now=now, sealer="auditseal/test", next_keys=announced))
        state, offset = LogState.after(blocks[-1], state.keys), offset + size
    return blocks


@dataclass(frozen=True)
class PlainSegment:
    """A segment: its blocks, its terms with their offsets in the order of the tree, and the entry."""

    blocks: tuple[Block, ...]
    postings: dict[Term, list[int]]
    entry: IndexSegment

    @classmethod
    def of(cls, blocks: Sequence[Block], read_terms: ReadTerms = terms_of) -> "PlainSegment":
        records = [record for block in blocks for record in block.records()]
        found: dict[Term, list[int]] = {}
        for record in records:
            for term in read_terms(record):
                found.setdefault(term, []).append(record.offset)
        postings = dict(sorted(found.items(), key=lambda item: item[0].key))
        first, last = blocks[0].header, blocks[-1].header
        times = [record.timestamp for record in records]
        entry = IndexSegment(
            first_height=first.height,
            checkpoint=blocks[-1].note.format(),
            first_offset=first.first_offset,
            last_offset=last.last_offset,
            extractor=EXTRACTOR,
            event_schema=SCHEMA_VERSION,
            rows=len(records),
            problems=sum(any(term.field == "problem" for term in terms_of(record)) for record in records),
            min_timestamp=min(times, default=None),
            max_timestamp=max(times, default=None),
            min_occurred_at=None,
            max_occurred_at=None,
            file_bytes=0,
            file_sha256=bytes(32),
            terms=len(postings),
            terms_root=b"",
        )
        segment = cls(tuple(blocks), postings, entry)
        return replace(segment, entry=replace(entry, terms_root=tree_root([leaf.hash for leaf in segment.leaves])))

    @property
    def leaves(self) -> list[TermLeaf]:
        return [TermLeaf(term.key, committed_postings(self.encoded(term))) for term in self.postings]

    def encoded(self, term: Term) -> bytes:
        return encode_postings(self.postings[term], self.entry.first_offset)

    def present(self, term: Term) -> Present:
        position = list(self.postings).index(term)
        path = inclusion_proof([leaf.hash for leaf in self.leaves], position)
        return Present(position, self.encoded(term), tuple(path))

    def absent(self, term: Term) -> Absent:
        leaves = self.leaves
        hashes = [leaf.hash for leaf in leaves]
        position = bisect_left([leaf.key for leaf in leaves], term.key)
        near = [number for number in (position - 1, position) if 0 <= number < len(leaves)]
        paths = [inclusion_proof(hashes, number) for number in near]
        return absent(position, len(leaves), [leaves[number] for number in near], paths)


@dataclass(frozen=True)
class PlainIndex:
    """An index log whose entries are segments of any logs."""

    segments: tuple[PlainSegment, ...]
    signer: SigningKey = INDEX_SIGNER
    name: str = INDEX_NAME

    @property
    def note(self) -> Note:
        hashes = [segment.entry.leaf for segment in self.segments]
        return sign_note(TreeHead(self.name, len(hashes), tree_root(hashes)).format(), self.name, [self.signer])

    def answer(self, number: int, terms: Sequence[Term]) -> SegmentProof:
        """Return the proof of terms in one segment."""
        segment = self.segments[number]
        path = tuple(inclusion_proof([one.entry.leaf for one in self.segments], number))
        lacking = [number for number, term in enumerate(terms) if term not in segment.postings]
        if lacking:
            return SegmentProof(segment.entry, number, path, (), (lacking[0], segment.absent(terms[lacking[0]])))
        return SegmentProof(segment.entry, number, path, tuple(map(segment.present, terms)), None)

    def prove(self, *terms: Term) -> CompletenessProof:
        """Return the proof of terms in all segments, log by log."""
        ordered, logs = tuple(sorted(terms)), dict[str, list[SegmentProof]]()
        for number, segment in enumerate(self.segments):
            logs.setdefault(str(segment.entry.head.origin), []).append(self.answer(number, ordered))
        return CompletenessProof(
            self.note, ordered, tuple(LogCoverage((), tuple(answers)) for _, answers in sorted(logs.items()))
        )

    def fraud(self, number: int, term: Term, block: Block, index: int, blocks: Sequence[Block]) -> IndexFraud:
        """Return what a segment says of a term, and a record of a log with these blocks."""
        extra = decode_value("event_proof", prove_record(block, index).extra)
        leaves = [one.leaf for one in blocks[: self.segments[number].entry.head.size]]
        return IndexFraud(
            note=self.note,
            term=term,
            segment=self.answer(number, [term]),
            header=extra["header"],
            log_path=tuple(inclusion_proof(leaves, block.header.height)),
            record={name: extra[name] for name in ("link", "record", "index", "path")},
        )
