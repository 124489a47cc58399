"""Rotations: the blocks that announced the next keys. Proofs carry them, to lead from the pinned keys to later ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.expected import Expected
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.link_checks import following_keys
from auditseal_schemas.merkle import Frontier, leaf_hash
from auditseal_schemas.note import Note
from auditseal_schemas.schema import decode_value, encode_value
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import SIGNED, verify


@dataclass(frozen=True, slots=True)
class Rotation:
    """A block that announced the next keys.

    Attributes:
        block: The block without locators and records; nothing of it is checked.
    """

    block: Block

    @classmethod
    def of(cls, block: Block) -> Self:
        """Return the rotation that a block announced."""
        return cls(Block(block.header, block.leaf, block.frontier, block.note, b"", ()))

    @classmethod
    def from_fields(cls, fields: dict[str, Any]) -> Self:
        """Read a decoded value of `avro/rotation.avsc`.

        Raises:
            MalformedError: A part doesn't parse.
        """
        header = Header.parse(fields["header"])
        frontier = Frontier.parse(header.height, fields["frontier"])
        return cls(Block(header, leaf_hash(fields["header"]), frontier, Note.parse(fields["checkpoint"]), b"", ()))

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the canonical encoding.

        Raises:
            MalformedError: It is anything else.
        """
        return cls.from_fields(decode_value("rotation", data))

    @property
    def fields(self) -> dict[str, bytes]:
        """The value of `avro/rotation.avsc`."""
        block = self.block
        return {"header": block.header.format(), "frontier": block.frontier.format(), "checkpoint": block.note.format()}

    def format(self) -> bytes:
        """Return the canonical encoding."""
        return encode_value("rotation", self.fields)


def keys_after(pinned: PinnedLog, rotations: Sequence[Rotation], height: int) -> tuple[VerifierKey, ...]:
    """Return the keys that rotations lead to, from the pinned ones on, for a block of a height above all of them.

    Raises:
        VerificationError: BAD_KEY, a rotation is not one of the log below that height, or names a key that can't be the
            log's; BAD_ROOT or BAD_SIGNATURE, it isn't signed by the keys before it.
    """
    keys, least = pinned.keys, pinned.start.height if pinned.start else 0
    for rotation in rotations:
        header = rotation.block.header
        if header.origin != pinned.origin or not least <= header.height < height or not header.next_keys:
            problem = f"block {header.height} of {header.origin} does not announce keys for block {height}"
            raise VerificationError(Verdict.BAD_KEY, "rotations", problem)
        verify(rotation.block, SIGNED, Expected.of(header, keys))
        keys, least = following_keys(header, keys), header.height + 1
    return keys
