"""The values that a producer of blocks takes: a block that waits, where it belongs, and who may write there."""

from concurrent.futures import Future
from dataclasses import dataclass, field

from confluent_kafka import TopicPartition

from auditseal_schemas.origin import Origin
from auditseal_sealer.clock import BrokerClock


@dataclass(frozen=True, slots=True)
class Position:
    """Where the next block of a log begins: its first offset, and its height for people who look at the group."""

    offset: int
    height: int


@dataclass(frozen=True, slots=True, eq=False)
class Claim:
    """That a log was taken over for a producer. Only the last claim of a log counts.

    Attributes:
        origin: The log.
        writer: The producer's transactional id.
    """

    origin: Origin
    writer: str


@dataclass(frozen=True, slots=True, eq=False)
class WaitingBlock:
    """A block that waits to be committed; the future gets the broker's clock, or why it was not committed."""

    claim: Claim
    block: bytes
    position: Position
    future: "Future[BrokerClock]" = field(default_factory=Future)

    @property
    def place(self) -> TopicPartition:
        """Return the group's position after the block, and words for people who look at the group."""
        origin, height = self.claim.origin, self.position.height
        text = f"auditseal run={origin.run} height={height}"
        return TopicPartition(origin.topic, origin.partition, self.position.offset, metadata=text)
