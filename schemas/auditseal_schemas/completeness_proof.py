"""A proof that some records are all that have some terms, up to named heads of their logs, as one file.

Its first line is `auditseal/completeness@v1`; the rest is the canonical Avro encoding of `avro/completeness_proof.avsc`
(docs/reference/absence.md). What it takes to check one: the file, and a trust file that pins the index and the logs.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

from auditseal_schemas.checkpoint import Checkpoint, TreeHead
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.proof_file import ProofKind
from auditseal_schemas.rotation import Rotation, keys_after
from auditseal_schemas.segment_proof import SegmentProof
from auditseal_schemas.term import Term
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict

FIRST_LINE = b"auditseal/completeness@v1\n"
MAX_COMPLETENESS_BYTES = 64 << 20
"""A proof's size, which common terms of long logs need; memory stays in proportion to the file."""
_KIND = ProofKind(FIRST_LINE, "completeness_proof", MAX_COMPLETENESS_BYTES)


@dataclass(frozen=True, slots=True)
class LogCoverage:
    """The segments of one log, in the order of their heights.

    Attributes:
        rotations: The blocks that announced the keys which signed the segments' checkpoints; none where all are pinned.
        segments: What the index proves of each segment.
    """

    rotations: tuple[Rotation, ...]
    segments: tuple[SegmentProof, ...]


@dataclass(frozen=True, slots=True)
class LogHits:
    """All records of one log that have the terms.

    Attributes:
        first_height: The first block that is covered.
        head: The checkpoint up to which all blocks are covered; the log's keys signed it.
        offsets: The Kafka offsets of the records, ascending.
    """

    first_height: int
    head: Checkpoint
    offsets: tuple[int, ...]

    @property
    def origin(self) -> Origin:
        """The log."""
        return self.head.origin


@dataclass(frozen=True, slots=True)
class Completeness:
    """What a proof establishes, if the index's owner took the terms from the blocks as documented.

    Attributes:
        terms: The terms, all of which a record must have.
        logs: The records, log by log.
        index: The key of the index log.
        head: Its head.
        not_covered: The logs that the trust file pins and the proof does not cover.
    """

    terms: tuple[Term, ...]
    logs: tuple[LogHits, ...]
    index: VerifierKey
    head: TreeHead
    not_covered: tuple[Origin, ...]


@dataclass(frozen=True, slots=True)
class CompletenessProof:
    """A proof as parsed; nothing of it is checked.

    Attributes:
        note: The signed checkpoint of the index log.
        terms: The terms, ascending.
        logs: The logs that it covers.
    """

    note: Note
    terms: tuple[Term, ...]
    logs: tuple[LogCoverage, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file strictly.

        Raises:
            MalformedError: It is anything else, or exceeds the limit.
        """
        value = _KIND.decode(data)
        terms = tuple(Term(term["field"], term["value"]) for term in value["terms"])
        if not terms or any(one >= other for one, other in pairwise(terms)):
            raise MalformedError("proof.terms", "there is none, or they do not ascend")
        return cls(Note.parse(value["checkpoint"]), terms, tuple(map(_read_log, value["logs"])))

    def format(self) -> bytes:
        """Return the file's bytes."""
        value = {
            "checkpoint": self.note.format(),
            "terms": [{"field": term.field, "value": term.value} for term in self.terms],
            "logs": [
                {
                    "rotations": [rotation.fields for rotation in log.rotations],
                    "segments": [segment.fields for segment in log.segments],
                }
                for log in self.logs
            ],
        }
        return _KIND.encode(value)

    def check(self, trust: Trust) -> Completeness:
        """Check that a pinned index proves these hits, in every segment up to a head that the log's keys signed.

        Raises:
            VerificationError: MISSING_LOG, the trust file does not pin the index or a log; BAD_SIGNATURE or BAD_KEY, a
                checkpoint is not signed by the pinned key; BAD_ROOT, a part does not lead to a signed root;
                BROKEN_CHAIN, heights are left out.
        """
        key, head = check_index_head(self.note, trust)
        logs = tuple(self._check_log(log, head, trust) for log in self.logs)
        origins = [log.origin for log in logs]
        if not origins or any(str(one) >= str(other) for one, other in pairwise(origins)):
            raise MalformedError("proof.logs", "there is none, or they do not ascend")
        not_covered = tuple(log.origin for log in trust.logs if log.origin not in origins)
        return Completeness(self.terms, logs, key, head, not_covered)

    def _check_log(self, log: LogCoverage, head: TreeHead, trust: Trust) -> LogHits:
        if not log.segments:
            raise MalformedError("proof.segments", "a log has none")
        segments = [proof.segment for proof in log.segments]
        pinned = trust.log_of(segments[0].head.origin)
        _check_heights(pinned, segments)
        _check_signed(segments, log.rotations, pinned)
        offsets = [offset for proof in log.segments for offset in proof.check(self.terms, head)]
        return LogHits(segments[0].first_height, segments[-1].head, tuple(offsets))


def check_index_head(note: Note, trust: Trust) -> tuple[VerifierKey, TreeHead]:
    """Check that a pinned index signed a checkpoint of its log; return the key and the checkpoint.

    Raises:
        VerificationError: MISSING_LOG, the trust file does not pin the index; BAD_SIGNATURE, its key did not sign.
        MalformedError: The text is not a checkpoint.
    """
    head = TreeHead.parse(note.text)
    key = trust.index_of(head.name)
    note.check([key])
    return key, head


def _read_log(value: dict[str, Any]) -> LogCoverage:
    rotations = tuple(map(Rotation.from_fields, value["rotations"]))
    return LogCoverage(rotations, tuple(map(SegmentProof.from_fields, value["segments"])))


def _check_heights(pinned: PinnedLog, segments: list[IndexSegment]) -> None:
    """Check that segments of one log follow each other, from the log's beginning or its pinned start on."""
    first = pinned.start.height if pinned.start else 0
    if segments[0].first_height > first:
        problem = f"the index covers {pinned.origin} from block {segments[0].first_height}, not from {first}"
        raise VerificationError(Verdict.BROKEN_CHAIN, "height", problem)
    for before, after in pairwise(segments):
        if after.head.origin != pinned.origin:
            raise VerificationError(Verdict.BROKEN_CHAIN, "origin", f"a segment of {pinned.origin} is of another log")
        if (after.first_height, after.first_offset) != (before.last_height + 1, before.last_offset + 1):
            problem = f"the segment after block {before.last_height} begins at block {after.first_height}"
            raise VerificationError(Verdict.BROKEN_CHAIN, "height", f"{problem}: segments are left out or overlap")


def _check_signed(segments: list[IndexSegment], rotations: tuple[Rotation, ...], pinned: PinnedLog) -> None:
    """Check that the log signed what each segment was made from; nothing vouches for keys below a pinned start."""
    *lower, last = segments
    for segment in lower:
        if pinned.start is None or segment.last_height >= pinned.start.height:
            earlier = [rotation for rotation in rotations if rotation.block.header.height < segment.last_height]
            segment.note.check(keys_after(pinned, earlier, segment.last_height))
    last.note.check(keys_after(pinned, rotations, last.last_height))
