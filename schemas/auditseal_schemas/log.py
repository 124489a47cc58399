"""The state machine of a log: which block may come next.

Rules, in the order in which they are checked (docs/reference/format.md, Verification):

1. The block is of the pinned origin and of the next height.
2. `previous` is the leaf of the header before; the frontier is the tree of all before.
3. The offsets and the link go on where the block before ended.
4. Cluster, topic and time don't go back; nothing follows a final block.
5. The checkpoint is of the tree that this header completes, and every key valid at this height signed it.

The state is a value: accepting a block returns the next one. Sealer, archiver and auditor use the same code.
"""

from dataclasses import dataclass
from typing import Self

from auditseal_schemas.block import Block
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.merkle import EMPTY_FRONTIER, Frontier
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict


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
        following = tuple(_next_key(header, vkey) for vkey in header.next_keys) or keys
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

    def accept(self, block: Block) -> Self:
        """Return the state after the next block.

        Every stored byte of the block is checked against its header; its records are `check_records`' to check.

        Raises:
            VerificationError: The first rule that the block breaks.
        """
        self.check_link(block)
        block.check_checkpoint()
        block.check_signatures(self.keys)
        block.check_stored()
        return self.after(block, self.keys)

    def check_link(self, block: Block) -> None:
        """Check rules 1 to 4: that the block goes on where the log stands.

        Raises:
            VerificationError: BROKEN_CHAIN.
        """
        header = block.header
        expected = (
            ("origin", header.origin, self.origin),
            ("height", header.height, self.height),
            ("previous", header.previous.hex(), self.previous.hex()),
            ("frontier", block.frontier.format().hex(), self.frontier.format().hex()),
            ("first_link", header.first_link.hex(), self.link.hex()),
            ("first_offset", header.first_offset, self.next_offset),
        )
        for field, found, wanted in expected:
            if found != wanted:
                raise _broken(field, f"it is {found!s:.80}, the log goes on with {wanted!s:.80}")
        if self.head:
            _check_continuity(self.head, header)


def _check_continuity(head: Header, header: Header) -> None:
    """Check what may change from one header to the next, and only in one direction."""
    if head.final:
        raise _broken("final", "the block before was the log's last")
    for field, found, wanted in (
        ("cluster_id", header.cluster_id, head.cluster_id),
        ("topic_id", header.topic_id, head.topic_id),
    ):
        if found != wanted:
            raise _broken(field, f"it is {found}, and was {wanted}: another cluster or a recreated topic")
    for field, now, before in (
        ("partitions", header.partitions, head.partitions),
        ("last_leader_epoch", header.last_leader_epoch, head.last_leader_epoch),
        ("sealed_at", header.sealed_at, head.sealed_at),
    ):
        if now < before:
            raise _broken(field, f"it went back from {before} to {now}")


def _next_key(header: Header, vkey: str) -> VerifierKey:
    key = VerifierKey.parse(vkey)
    if key.name != str(header.origin):
        raise VerificationError(Verdict.BAD_KEY, "next_keys", f"{key.name[:255]} is not this log's name")
    return key


def _broken(field: str, problem: str) -> VerificationError:
    return VerificationError(Verdict.BROKEN_CHAIN, field, problem)
