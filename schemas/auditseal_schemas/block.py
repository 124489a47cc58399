"""A block: a run of sealed records under one header, and the checkpoint that commits to it and to all before it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Chunk, Container
from auditseal_schemas.deflate import inflate
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.header import Header
from auditseal_schemas.limits import MAX_CHUNK_BYTES, MAX_CONTENT_BYTES
from auditseal_schemas.merkle import HASH_SIZE, Frontier, leaf_hash
from auditseal_schemas.note import Note
from auditseal_schemas.record import SealedRecord, parse_record, scan_record

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
