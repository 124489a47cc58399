"""What an index proves of one segment: which records have all of some terms (docs/reference/absence.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from auditseal_schemas.checkpoint import TreeHead
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.index_segment import IndexSegment
from auditseal_schemas.merkle import HASH_SIZE, check_inclusion
from auditseal_schemas.postings import decode_postings
from auditseal_schemas.term import EXTRACTOR, Term
from auditseal_schemas.term_tree import Absent, Present, TermLeaf


@dataclass(frozen=True, slots=True)
class SegmentProof:
    """A segment of an index, where it is in the index log, and what its terms tree shows of some terms.

    Attributes:
        segment: The entry of the index log.
        index: Its index there.
        path: Its inclusion proof, the nearest sibling first.
        present: The proof of each term, in their order, where the tree has all of them; else empty.
        absent: The number of a term that the tree does not have and the proof of that; None where it has all.
    """

    segment: IndexSegment
    index: int
    path: tuple[bytes, ...]
    present: tuple[Present, ...]
    absent: tuple[int, Absent] | None

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Read a decoded value of the schema `SegmentProof`.

        Raises:
            MalformedError: A part doesn't parse.
        """
        found = fields["absent"]
        return cls(
            segment=IndexSegment.parse(fields["entry"]),
            index=fields["index"],
            path=split_hashes(fields["path"]),
            present=tuple(
                Present(one["position"], one["postings"], split_hashes(one["path"])) for one in fields["present"]
            ),
            absent=None if found is None else (found["term"], _read_absent(found)),
        )

    @property
    def fields(self) -> dict[str, Any]:
        """The value of the schema `SegmentProof`."""
        return {
            "entry": self.segment.format(),
            "index": self.index,
            "path": b"".join(self.path),
            "present": [
                {"position": one.position, "postings": one.postings, "path": b"".join(one.path)} for one in self.present
            ],
            "absent": None if self.absent is None else {"term": self.absent[0], **_absent_fields(self.absent[1])},
        }

    def check(self, terms: Sequence[Term], head: TreeHead) -> tuple[int, ...]:
        """Check the proof against the index log's head, and return the offsets of the records with all the terms.

        Raises:
            VerificationError: BAD_ROOT, the segment is not in the log, or the terms tree is not the segment's;
                BROKEN_CHAIN, the neighbours of an absent term do not enclose it.
            MalformedError: There is not one answer for each term, or the postings do not parse.
        """
        self._check_entry(head)
        if self.absent is not None:
            number, proof = self.absent
            if self.present or not 0 <= number < len(terms):
                raise MalformedError("segment.absent", f"term {number} is absent, beside {len(self.present)} present")
            proof.check(terms[number].key, self.segment.tree)
            return ()
        if len(self.present) != len(terms):
            raise MalformedError("segment.present", f"it answers {len(self.present)} of {len(terms)} terms")
        for term, one in zip(terms, self.present, strict=True):
            one.check(term.key, self.segment.tree)
        found = [set(self._offsets(one)) for one in self.present]
        return tuple(sorted(set.intersection(*found)))

    def _check_entry(self, head: TreeHead) -> None:
        segment = self.segment
        if segment.extractor != EXTRACTOR:
            problem = f"its terms follow rules of version {segment.extractor}, and this version knows {EXTRACTOR}"
            raise MalformedError("segment.extractor", problem)
        try:
            check_inclusion(segment.leaf, self.index, head.size, self.path, head.root)
        except VerificationError as error:
            problem = f"the segment from block {segment.first_height} is not entry {self.index}: {error.problem}"
            raise VerificationError(error.verdict, "index log", problem) from error

    def _offsets(self, one: Present) -> tuple[int, ...]:
        return decode_postings(one.postings, self.segment.first_offset, self.segment.last_offset)


def split_hashes(data: bytes) -> tuple[bytes, ...]:
    """Return the hashes of a path.

    Raises:
        MalformedError: Its bytes are not whole hashes.
    """
    if len(data) % HASH_SIZE:
        raise MalformedError("path", f"it has {len(data)} bytes, which are not whole hashes of {HASH_SIZE}")
    return tuple(data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE))


def _read_absent(fields: dict[str, Any]) -> Absent:
    neighbours = tuple(TermLeaf(leaf["key"], leaf["postings"]) for leaf in fields["neighbours"])
    return Absent(fields["position"], neighbours, split_hashes(fields["path"]))


def _absent_fields(proof: Absent) -> dict[str, Any]:
    neighbours = [{"key": leaf.key, "postings": leaf.postings} for leaf in proof.neighbours]
    return {"position": proof.position, "neighbours": neighbours, "path": b"".join(proof.path)}
