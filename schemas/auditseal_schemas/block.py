"""A block: a run of sealed records under one header, and the checkpoint that commits to it and to all before it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Self

from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Chunk, Container, payload_digest
from auditseal_schemas.deflate import inflate
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.limits import MAX_CHUNK_BYTES, MAX_CONTENT_BYTES
from auditseal_schemas.merkle import HASH_SIZE, Frontier, leaf_hash
from auditseal_schemas.note import Note
from auditseal_schemas.record import SealedRecord, parse_record, scan_record
from auditseal_schemas.verdict import Verdict

LOCATOR_SIZE = 2
_SINGLE_RECORD_BYTES = MAX_CONTENT_BYTES + 64  # the contents and, at most, offset, timestamp and salt around them


@dataclass(frozen=True)
class Block:
    """A block as parsed from its object: laid out as one, nothing of it verified.

    Attributes:
        header: The parsed header.
        leaf: The leaf hash of the header's bytes.
        frontier: The tree of the headers before this one.
        note: The signed checkpoint of the tree that this header completes.
        locators: The first 2 bytes of each record's link.
        chunks: The records, deflated.
    """

    header: Header
    leaf: bytes
    frontier: Frontier
    note: Note
    locators: bytes
    chunks: tuple[Chunk, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a block object strictly.

        Raises:
            MalformedError: It isn't one, to the byte.
        """
        container = Container.parse(data)
        header = Header.parse(container.header)
        frontier = Frontier.parse(header.height, container.frontier)
        note = Note.parse(container.checkpoint)
        return cls(header, leaf_hash(container.header), frontier, note, container.locators, container.chunks)

    def format(self) -> bytes:
        """Return the object's bytes."""
        header = self.header.format()
        return Container(header, self.frontier.format(), self.note.format(), self.locators, self.chunks).format()

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that the note's text is."""
        return Checkpoint.parse(self.note.text)

    @cached_property
    def next_frontier(self) -> Frontier:
        """The tree that this header completes."""
        return self.frontier.append(self.leaf)

    def check_checkpoint(self) -> None:
        """Check that the checkpoint is of the tree that the frontier and this header make.

        Raises:
            VerificationError: BAD_ROOT, or MALFORMED where the text is no checkpoint.
        """
        checkpoint = self.checkpoint
        if checkpoint.origin != self.header.origin:
            problem = f"it is of {checkpoint.origin}, the header of {self.header.origin}"
            raise VerificationError(Verdict.BAD_ROOT, "checkpoint.origin", problem)
        if checkpoint.size != self.header.height + 1:
            problem = f"it is {checkpoint.size}, the header's height makes it {self.header.height + 1}"
            raise VerificationError(Verdict.BAD_ROOT, "checkpoint.size", problem)
        if checkpoint.root != self.next_frontier.root:
            problem = "the header and the frontier don't lead to the signed root"
            raise VerificationError(Verdict.BAD_ROOT, "checkpoint.root", problem)

    def check_signatures(self, keys: Iterable[VerifierKey]) -> None:
        """Check that every one of the keys signed the checkpoint.

        Raises:
            VerificationError: BAD_SIGNATURE.
        """
        self.note.check(keys)

    def check_stored(self) -> None:
        """Check that every stored byte of the records and locators is what the header commits to.

        Raises:
            VerificationError: BAD_ROOT.
        """
        if payload_digest(self.chunks) != self.header.payload:
            raise VerificationError(Verdict.BAD_ROOT, "payload", "the data blocks are not those that were signed")
        if sha256(self.locators).digest() != self.header.locators:
            raise VerificationError(Verdict.BAD_ROOT, "locators", "they are not those that were signed")
        if len(self.locators) != LOCATOR_SIZE * self.header.count:
            problem = f"{len(self.locators)} bytes are not {LOCATOR_SIZE} for each of {self.header.count} records"
            raise VerificationError(Verdict.BAD_ROOT, "locators", problem)
        if sum(chunk.count for chunk in self.chunks) != self.header.count:
            raise VerificationError(
                Verdict.BAD_RECORD, "count", f"the data blocks don't hold {self.header.count} records"
            )

    def inflated_chunks(self) -> Iterator[tuple[int, bytes]]:
        """Yield the count and the encoded records of each chunk, one in memory at a time.

        Raises:
            MalformedError: A chunk can't be inflated within its bound, or the sum exceeds what the header says.
        """
        remaining = self.header.size
        for chunk in self.chunks:
            bound = _SINGLE_RECORD_BYTES if chunk.count == 1 else MAX_CHUNK_BYTES
            content = inflate(chunk.deflated, min(bound, remaining))
            remaining -= len(content)
            yield chunk.count, content

    def encoded_records(self) -> Iterator[bytes]:
        """Yield each record's encoding.

        Raises:
            MalformedError: A chunk or a record doesn't parse.
        """
        for count, content in self.inflated_chunks():
            position = 0
            for _ in range(count):
                end = scan_record(content, position).end
                yield content[position:end]
                position = end
            if position != len(content):
                raise MalformedError(
                    "record", f"{len(content) - position} bytes follow the last record of a data block"
                )

    def records(self) -> Iterator[SealedRecord]:
        """Yield the records.

        Raises:
            MalformedError: As `encoded_records`.
        """
        return map(parse_record, self.encoded_records())


def make_locators(links: Iterable[bytes]) -> bytes:
    """Return the first bytes of each link: by them a verifier finds the record that was changed."""
    joined = b"".join(links)
    locators = bytearray(len(joined) // HASH_SIZE * LOCATOR_SIZE)
    for byte in range(LOCATOR_SIZE):
        locators[byte::LOCATOR_SIZE] = joined[byte::HASH_SIZE]
    return bytes(locators)
