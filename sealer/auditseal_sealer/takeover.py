"""Takes a log over, so that no other producer can write to it from then on (ADR 0038).

1. Append a claim.
2. Read the partition back from the claim to the last block before it, committed or not. Rivals are the writer of that
   block, and all that have claimed the log since without a release.
3. Fence each rival and append a release for it. Then begin again: a rival may have written a block in between, which
   would hide the claim from the next sealer.
4. Without a rival the claim counts.

Claims are appended by a producer whose transactional id names the log. So of two sealers that take one log over at the
same time, one is fenced. So is an older sealer, whose blocks have no marks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from confluent_kafka import TopicPartition

from auditseal_schemas.origin import Origin
from auditseal_sealer.block_producer import BlockProducer
from auditseal_sealer.blocks_reader import BlocksReader
from auditseal_sealer.clock import BrokerClock
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.context import SealerContext
from auditseal_sealer.mark import Act, Mark, find_rivals
from auditseal_sealer.partition_consumer import Isolation
from auditseal_sealer.transactional_producer import TransactionalProducer
from auditseal_sealer.waiting_block import Claim

_TAIL = 8  # offsets


@dataclass(frozen=True, slots=True)
class Takeover:
    """A log that was taken over.

    Attributes:
        claim: The claim, which counts.
        clock: The broker's clock at the claim.
        rivals: The producers of other sealers that were fenced for it.
    """

    claim: Claim
    clock: BrokerClock
    rivals: tuple[str, ...]


def take_over(context: SealerContext, origin: Origin, blocks: BlockProducer) -> Takeover:
    """Take a log over for the producer of this process's blocks.

    Raises:
        FencedError: Another sealer takes it over at the same time.
        HaltError: INVALID_BLOCK; as `find_rivals`.
        ExpelledError, UnavailableError: As `TransactionalProducer`.
    """
    writer = blocks.writer()
    fenced, marks = list[str](), [Mark(Act.CLAIM, writer)]
    with blocks.turn_of(origin), _claimer(context, origin) as claimer, _open_reader(context, origin) as reader:
        start = context.cluster.start(context.config.blocks_topic, origin.partition)
        while True:
            offset, clock = _append(claimer, origin, marks)
            rivals = find_rivals(_marks_before(reader, start, offset, context.config), writer)
            if not rivals:
                break
            for rival in rivals:
                blocks.fences.fence(rival)
            fenced += rivals
            marks = [*(Mark(Act.RELEASE, rival) for rival in rivals), Mark(Act.CLAIM, writer)]
        claim = Claim(origin, writer)
        blocks.hold(claim)
    return Takeover(claim, clock, tuple(rival for rival in fenced if not blocks.is_own(rival)))


def release(context: SealerContext, claim: Claim, blocks: BlockProducer) -> None:
    """Say of a claim that was given up that its producer needs no fencing for this log.

    Nothing is said where its last block is not decided, or where this process has taken the log over again.

    Raises:
        FencedError: Another sealer has taken the log over.
        UnavailableError: As `TransactionalProducer`.
    """
    with blocks.turn_of(claim.origin):
        if blocks.is_done(claim):
            with _claimer(context, claim.origin) as claimer:
                _append(claimer, claim.origin, [Mark(Act.RELEASE, claim.writer)])


def _claimer(context: SealerContext, origin: Origin) -> TransactionalProducer:
    return TransactionalProducer(context.config, context.watchdog, context.config.transactional_id(origin.partition))


def _append(claimer: TransactionalProducer, origin: Origin, marks: Sequence[Mark]) -> tuple[int, BrokerClock]:
    """Append marks in a transaction that is aborted; return the last one's offset, and the broker's clock."""
    claimer.begin()
    deliveries = [claimer.produce(origin.partition, mark.format(), None, f"{origin}: a {mark.act}") for mark in marks]
    claimer.flush()
    for delivery in deliveries:
        claimer.check(delivery)
    claimer.abort()
    return deliveries[-1].offset, deliveries[-1].clock


def _open_reader(context: SealerContext, origin: Origin) -> BlocksReader:
    config = context.config
    where = TopicPartition(config.blocks_topic, origin.partition)
    return BlocksReader(config.client, config.group, where, Isolation.UNCOMMITTED)


def _marks_before(reader: BlocksReader, start: int, offset: int, config: SealerConfig) -> list[Mark]:
    """Return the marks below an offset, from the last block on, in their order."""
    span = _TAIL
    while True:
        begin = max(start, offset - span)
        marks, has_block = _read_marks(reader, begin, offset, config.timeouts.call)
        if has_block or begin == start:
            return [mark for mark in marks if config.is_writer(mark.writer)]  # others are forged
        span *= 2


def _read_marks(reader: BlocksReader, begin: int, end: int, timeout: float) -> tuple[list[Mark], bool]:
    """Return the marks of a range from its last block on, and whether it has a block."""
    marks, has_block = list[Mark](), False
    if begin >= end:
        return marks, has_block
    reader.seek(begin)
    for message in reader.read_to(end, timeout):
        mark = Mark.parse(message.key())
        if message.value() is not None:
            marks, has_block = [], True
        if mark:
            marks.append(mark)
    return marks, has_block
