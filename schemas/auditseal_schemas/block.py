r"""A block: a run of sealed records under one header, and the checkpoint that commits to it and to all before it.

A whole block of two records, sealed, read and verified. It is the one of docs/reference/format.md, section 17, which
shows each of its bytes:

>>> from hashlib import sha256
>>> from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
>>> from auditseal_schemas.key import SigningKey, VerifierKey
>>> from auditseal_schemas.log import LogState
>>> from auditseal_schemas.origin import Origin
>>> from auditseal_schemas.verification import STEPS, verify
>>> seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
>>> signer, origin = SigningKey.from_seed(bytes.fromhex(seed)), Origin("a.example", "t", 0, 0)
>>> state = LogState.genesis(origin, (VerifierKey(str(origin), signer.public),))

Two messages of Kafka, with a stored deflate block so that the bytes are the same on every machine:

>>> from types import SimpleNamespace
>>> def message(offset, timestamp, key, headers, value):
...     kind = {"timestamp_type": 1, "timestamp": timestamp}
...     return SimpleNamespace(offset=offset, key=key, headers=headers, value=value, **kind)
>>> one = message(0, 1000, b"k", [("h", b"v"), ("n", None)], b"one")
>>> two = message(2, 999, None, [], b"two")
>>> def stored(data):
...     return b"\x01" + len(data).to_bytes(2, "little") + (len(data) ^ 0xFFFF).to_bytes(2, "little") + data
>>> draft = BlockDraft(state, BlockLimits(), compress=stored)
>>> draft.extend([one, two])
2
>>> block = draft.seal(SourceIdentity("C", "T", 1, 0), [signer], now=2_000_000, sealer="s/1")
>>> data = block.format()
>>> len(data), data[:4], sha256(data).hexdigest()[:16]
(1546, b'Obj\x01', '541a562e7e2f34d5')

A verifier runs all steps on the object, and the log's state after it is what the next block must fit:

>>> read = verify(data, STEPS, state.expected)
>>> read.header.gaps
(Gap(first=1, last=1, cause=0),)
>>> [(record.offset, record.value) for record in read.records()]
[(0, b'one'), (2, b'two')]
>>> read.locators.hex(), read.checkpoint.size, read.checkpoint.root == read.leaf
('39d6fa5e', 1, True)
>>> state.accept(read).next_offset
3
>>> verify(data.replace(b"two", b"TWO"), STEPS, state.expected)
Traceback (most recent call last):
auditseal_schemas.errors.VerificationError: BAD_ROOT: payload: the data blocks are not those that were signed
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Self

from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Chunk, Container
from auditseal_schemas.deflate import inflate
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.header import Header
from auditseal_schemas.lazy_property import lazy_property
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

    @lazy_property
    def checkpoint(self) -> Checkpoint:
        """The checkpoint that the note's text is."""
        return Checkpoint.parse(self.note.text)

    @lazy_property
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
