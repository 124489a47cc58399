"""The state machine of a log: which block may come next.

The rules are the steps of `verification`. The state is a value: accepting a block returns the next one. Sealer,
archiver and auditor use the same code.
"""

from dataclasses import dataclass
from typing import Self

from auditseal_schemas.block import Block
from auditseal_schemas.expected import Expected, Known
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.link_checks import following_keys
from auditseal_schemas.merkle import EMPTY_FRONTIER, Frontier
from auditseal_schemas.origin import Origin
from auditseal_schemas.verification import LINK, NEXT_KEYS, STORED, verify


@dataclass(frozen=True, slots=True)
class LogState:
    """All that the next block of a log must fit.

    Attributes:
        origin: The pinned origin.
        keys: The keys valid at the next height.
        frontier: The tree of all headers so far; its size is the next height.
        previous: The leaf of the last header, or the genesis link.
        link: The link after the last record, or the genesis link.
        head: The last header, None before the first.
    """

    origin: Origin
    keys: tuple[VerifierKey, ...]
    frontier: Frontier
    previous: bytes
    link: bytes
    head: Header | None

    @classmethod
    def genesis(cls, origin: Origin, keys: tuple[VerifierKey, ...]) -> Self:
        """Return the state before a log's first block."""
        return cls(origin, keys, EMPTY_FRONTIER, origin.genesis_link, origin.genesis_link, None)

    @classmethod
    def after(cls, block: Block, keys: tuple[VerifierKey, ...]) -> Self:
        """Return the state after a block, from the block alone; `keys` are those valid at the block's own height.

        Raises:
            VerificationError: BAD_KEY; a key that it names as next can't be one of this log.
        """
        header = block.header
        following = following_keys(header, keys)
        return cls(header.origin, following, block.next_frontier, block.leaf, header.last_link, header)

    @property
    def height(self) -> int:
        """The height of the next block, and the number of blocks so far."""
        return self.frontier.size

    @property
    def root(self) -> bytes:
        """The root of the tree of all headers so far."""
        return self.frontier.root

    @property
    def next_offset(self) -> int:
        """The Kafka offset at which the next block's range begins."""
        return self.head.last_offset + 1 if self.head else 0

    @property
    def expected(self) -> Expected:
        """What the next block is compared with."""
        known = Known(
            frontier=self.frontier,
            previous=self.previous,
            link=self.link,
            next_offset=self.next_offset,
            head=self.head,
        )
        return Expected(origin=self.origin, height=self.height, keys=self.keys, known=known)

    def accept(self, block: Block) -> Self:
        """Return the state after the next block.

        All of it is checked but its records: steps 2 to 9. To check those, too, run `verification.RECORDS`.

        Raises:
            VerificationError: The first rule that the block breaks.
        """
        verify(block, LINK + STORED + NEXT_KEYS, self.expected)
        return self.after(block, self.keys)
