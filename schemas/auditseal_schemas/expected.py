"""What the next block of a log must fit, as far as it is known."""

from dataclasses import dataclass
from typing import Self

from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.merkle import Frontier
from auditseal_schemas.origin import Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The state that the block before left (docs/reference/format.md, section 14).

    Attributes:
        frontier: The tree of all headers so far.
        previous: The leaf of the last header, or the genesis link.
        link: The link of the last record, or the genesis link.
        next_offset: The Kafka offset at which the block's range begins.
        head: The last header, None before the first.
    """

    frontier: Frontier
    previous: bytes
    link: bytes
    next_offset: int
    head: Header | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a block is compared with.

    Attributes:
        origin: The pinned origin.
        height: The height at which the block is.
        keys: The keys that are valid there.
        known: The state, None where it is lost: then the block's own fields are taken.
        start_root: The root that the trust file pins for the tree of the headers before this block; None where it pins
            none here.
    """

    origin: Origin
    height: int
    keys: tuple[VerifierKey, ...]
    known: Known | None = None
    start_root: bytes | None = None

    @classmethod
    def of(cls, header: Header, keys: tuple[VerifierKey, ...]) -> Self:
        """Return what a header says of itself, with these keys: of all that is expected only the keys can differ."""
        return cls(origin=header.origin, height=header.height, keys=keys)
