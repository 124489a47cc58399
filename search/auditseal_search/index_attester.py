"""Derives what an index signed again from the vault, and proves what is false about it."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory

from auditseal_auditor.blocks.prover import range_root
from auditseal_schemas.completeness_proof import CompletenessProof
from auditseal_schemas.event_proof import prove_record
from auditseal_schemas.index_fraud import IndexFraud
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.merkle import inclusion_path
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.postings import decode_postings
from auditseal_schemas.schema import decode_value
from auditseal_schemas.segment_proof import SegmentProof
from auditseal_schemas.term import Term
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_search.completeness_prover import prove_segment, signed_segment, terms_reader
from auditseal_search.derived_segment import DerivedSegment, derive_segment
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_log import pinned_log
from auditseal_search.index_store import IndexStore
from auditseal_search.manifest import read_manifest
from auditseal_search.range_pool import RangePool
from auditseal_search.terms_comparison import first_difference
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader

_FILE = {"file_bytes", "file_sha256"}
"""Fields that may differ where another version of a library wrote the same rows."""


@dataclass(frozen=True, slots=True)
class Attestation:
    """What came out of one segment, derived again.

    Attributes:
        origin: The log.
        first_height: The segment's first block.
        last_height: Its last one.
        problem: What the index signed that is not so, empty where all is.
        fraud: The proof of it, None where there is none.
    """

    origin: Origin
    first_height: int
    last_height: int
    problem: str = ""
    fraud: IndexFraud | None = None

    def __str__(self) -> str:
        place = f"{self.origin}, blocks {self.first_height} to {self.last_height}"
        return f"{place}: {self.problem or 'the index signed what the blocks make'}"


class IndexAttester:
    """Attests a signed index against a vault.

    Args:
        store: The store of the index.
        pool: Reads, verifies and decodes runs of blocks.
        trust: The trust file, which pins the index and the logs.
    """

    def __init__(self, store: IndexStore, pool: RangePool, trust: Trust) -> None:
        self._store, self._pool, self._trust = store, pool, trust

    def attest(self, pinned: PinnedLog) -> Iterator[Attestation]:
        """Derive each signed segment of a log again, and compare.

        Raises:
            ConfigurationError: The index or a segment is not signed.
            BrokenIndexError: The index log or an entry is damaged.
            VerificationError, NotStoredError: A block does not hold, or is missing.
            UnavailableError: The vault or the index can't be read.
        """
        log = pinned_log(self._store, self._trust)
        state = log.state()
        assert state.note is not None
        for segment in read_manifest(self._store, pinned).segments:
            entry = signed_segment(self._store, pinned.origin, segment).entry
            with TemporaryDirectory(prefix="auditseal-attest-") as folder:
                truth = derive_segment(self._pool, pinned, entry.first_height, entry.last_height, Path(folder))
                wrong = _wrong_fields(entry, truth.entry)
                if not wrong:
                    yield _attestation(entry)
                    continue
                problem, fraud = f"other values were signed than the blocks make: {', '.join(wrong)}", None
                try:
                    claim = terms_reader(self._store, pinned.origin, segment, entry)
                    if difference := first_difference(truth.terms, claim, entry):
                        said = prove_segment(self._store, log, state, pinned.origin, segment, (difference.term,))
                        fraud = self._prove(state.note, said, difference.term, difference.offset, truth)
                except BrokenIndexError as error:
                    problem = f"{problem}; no fraud can be proven from its files: {error}"
                yield _attestation(entry, problem, fraud)

    def attest_proof(self, proof: CompletenessProof) -> Iterator[Attestation]:
        """Check each answer of a proof of completeness, which somebody got from the index, against the vault.

        Raises:
            VerificationError: The proof itself does not hold, or a block does not.
            NotStoredError: A block is missing.
            UnavailableError: The vault can't be read.
        """
        proof.check(self._trust)
        for said in (said for log in proof.logs for said in log.segments):
            entry = said.segment
            pinned = self._trust.log_of(entry.head.origin)
            with TemporaryDirectory(prefix="auditseal-attest-") as folder:
                truth = derive_segment(self._pool, pinned, entry.first_height, entry.last_height, Path(folder))
                yield next(self._false_answers(proof, said, truth), _attestation(entry))

    def _false_answers(
        self, proof: CompletenessProof, said: SegmentProof, truth: DerivedSegment
    ) -> Iterator[Attestation]:
        for term, one in _answers(said, proof.terms):
            entry = said.segment
            claimed = (
                decode_postings(one.present[0].postings, entry.first_offset, entry.last_offset) if one.present else ()
            )
            if wrong := set(claimed) ^ set(truth.offsets(term)):
                problem = f"the proof is wrong about {len(wrong)} records with {term.field} = {term.value}"
                yield _attestation(entry, problem, self._prove(proof.note, one, term, min(wrong), truth))

    def _prove(
        self, note: Note, said: SegmentProof, term: Term, offset: int, truth: DerivedSegment
    ) -> IndexFraud | None:
        """Return the proof of fraud, None where there is no record at the offset to show."""
        place = truth.place(offset)
        if place is None:
            return None
        fraud = prove_fraud(self._pool.vault, note, said, term, *place)
        fraud.check(self._trust)
        return fraud


def prove_fraud(vault: VaultReader, note: Note, said: SegmentProof, term: Term, height: int, number: int) -> IndexFraud:
    """Return the proof that an index is wrong about one record; nothing of it is checked.

    Args:
        vault: The vault.
        note: The signed checkpoint of the index log.
        said: What the index says of the term.
        term: The term.
        height: The record's block.
        number: Its number in the block.
    """
    head = said.segment.head
    log = LogReader(vault, head.origin)
    extra = decode_value("event_proof", prove_record(log.block(height), number).extra)
    path = inclusion_path(height, head.size, lambda start, end: range_root(log, start, end))
    record = {name: extra[name] for name in ("link", "record", "index", "path")}
    return IndexFraud(note, term, said, extra["header"], tuple(path), record)


def _wrong_fields(claim: IndexSegment, truth: IndexSegment) -> list[str]:
    """Return the names of the fields that differ; the checkpoint counts by the tree that it signs."""
    differ = [field.name for field in fields(claim) if getattr(claim, field.name) != getattr(truth, field.name)]
    if claim.head == truth.head:
        differ = [name for name in differ if name != "checkpoint"]
    return [name for name in differ if name not in _FILE]


def _answers(said: SegmentProof, terms: tuple[Term, ...]) -> Iterator[tuple[Term, SegmentProof]]:
    """Yield what a segment's proof says of each term that it answers, by itself."""
    entry, index, path = said.segment, said.index, said.path
    if said.absent is not None:
        number, proof = said.absent
        yield terms[number], SegmentProof(entry, index, path, (), (0, proof))
    for term, present in zip(terms, said.present, strict=False):
        yield term, SegmentProof(entry, index, path, (present,), None)


def _attestation(entry: IndexSegment, problem: str = "", fraud: IndexFraud | None = None) -> Attestation:
    return Attestation(entry.head.origin, entry.first_height, entry.last_height, problem, fraud)
