"""A block taken apart, so that any part of it can be changed, and signed again or not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import reduce
from hashlib import sha256
from itertools import accumulate
from typing import Any, Self

from auditseal_schemas.block import Block, make_locators
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Chunk, Container, payload_digest
from auditseal_schemas.key import Signer
from auditseal_schemas.merkle import Frontier, leaf_hash, tree_root
from auditseal_schemas.note import Note, sign_note
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import next_link
from auditseal_schemas.schema import decode_value, encode_value
from tests.factory.streams import stored_deflate

Fields = dict[str, Any]


@dataclass(frozen=True)
class Sealed:
    """A block's parts; `header` as fields, `raw_header` its bytes where they are not the fields' canonical encoding."""

    origin: Origin
    height: int
    header: Fields
    frontier: bytes
    note: bytes
    locators: bytes
    chunks: tuple[Chunk, ...]
    raw_header: bytes | None = None

    @classmethod
    def take_apart(cls, block: Block) -> Self:
        header = decode_value("block_header", block.header.format())
        return cls(
            origin=block.header.origin,
            height=block.header.height,
            header=header,
            frontier=block.frontier.format(),
            note=block.note.format(),
            locators=block.locators,
            chunks=block.chunks,
        )

    @property
    def key(self) -> str:
        return self.origin.block_key(self.height)

    @property
    def header_bytes(self) -> bytes:
        return encode_value("block_header", self.header) if self.raw_header is None else self.raw_header

    @property
    def root(self) -> bytes:
        return Frontier.parse(self.height, self.frontier).append(leaf_hash(self.header_bytes)).root

    @property
    def text(self) -> str:
        return Checkpoint(self.origin, self.height + 1, self.root).format()

    @property
    def lines(self) -> list[str]:
        """The signature lines."""
        return [str(signature) for signature in Note.parse(self.note).signatures]

    def object(self) -> bytes:
        return Container(self.header_bytes, self.frontier, self.note, self.locators, self.chunks).format()

    def altered(self, **fields: Any) -> Self:
        """Return it with other header fields and the old signature."""
        return replace(self, header=self.header | fields)

    def with_lines(self, *lines: str, text: str | None = None) -> Self:
        """Return it with other signature lines and, if given, another text."""
        return replace(self, note=f"{text or self.text}\n{''.join(line + chr(10) for line in lines)}".encode())

    def signed(self, *keys: Signer, text: str | None = None) -> Self:
        """Return it signed by `keys`, over its own checkpoint or another text."""
        return replace(self, note=sign_note(text or self.text, str(self.origin), keys).format())

    def records(self) -> list[bytes]:
        """The encoded records."""
        block = Block.parse(self.object())
        return list(block.encoded_records())

    def stored(self, *chunks: Sequence[bytes]) -> Self:
        """Return it with other records in its data blocks, and nothing else changed."""
        return replace(self, chunks=tuple(Chunk(len(chunk), stored_deflate(b"".join(chunk))) for chunk in chunks))

    def committed(self) -> Self:
        """Return it with the payload and locators that its header should commit to."""
        return self.altered(payload=payload_digest(self.chunks), locators=sha256(self.locators).digest())

    def resealed(self, *chunks: Sequence[bytes], **fields: Any) -> Self:
        """Return it with other records, and a header that fits them as far as it commits to bytes."""
        records = [record for chunk in chunks for record in chunk]
        links = list(accumulate(records, next_link, initial=self.header["first_link"]))
        sealed = replace(self.stored(*chunks), locators=make_locators(links[1:])).committed()
        committed = {"last_link": links[-1], "events_root": tree_root(links[1:]), "size": sum(map(len, records))}
        return sealed.altered(**committed | {"count": len(records)} | fields)


def flipped(data: bytes, position: int, bit: int = 0) -> bytes:
    """Return data with one bit flipped."""
    return data[:position] + bytes((data[position] ^ 1 << bit,)) + data[position + 1 :]


def replaced(data: bytes, *pairs: tuple[bytes, bytes]) -> bytes:
    """Return data with the first occurrence of each left part, which must be there, replaced."""
    assert all(old in data for old, _ in pairs)
    return reduce(lambda changed, pair: changed.replace(*pair, 1), pairs, data)
