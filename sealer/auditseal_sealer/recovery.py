"""Where a log continues: decided from the state of all sources. Pure.

In this order (docs/explanation/kafka.md, Recovering the head):

1. The head is the last committed block of this origin in the blocks topic. It must be ours: signed and whole.
2. The vault must agree: its highest block is the head, or one that the topic's next block extends. A
   vault that is ahead, blocks that left the topic before they were archived, or a foreign object are a halt.
3. The group's position may not be ahead of the head: it was committed with a block that is gone.
4. A signed next block that was aborted in the topic is committed again, byte for byte: no height is signed twice.
5. Without any block the log begins, if a person allowed it. A later run continues from the head that the vault has of
   the runs before. Its genesis names that head forever, and would disown any block above it.
6. The events log must be the one that the head was sealed from: ids, end, and the last record to the byte. If the head
   has no record, the last record is that of the last block with records, as long as the blocks topic has it.
"""

import re
from base64 import b64encode
from dataclasses import dataclass

from auditseal_schemas.block import Block
from auditseal_schemas.errors import UnavailableError, VerificationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.header import Predecessor
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_schemas.origin import Origin
from auditseal_sealer.log_keys import LogKeys
from auditseal_sealer.signed_block import find_unfinished, open_block
from auditseal_sealer.sources import EventsPartition, LogSources
from auditseal_vault.log_reader import StoredBlock

_GROUP_TEXT = re.compile(r"auditseal run=([0-9]+) height=([0-9]+)", re.ASCII)


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where to read events from.

    Attributes:
        offset: The first offset to read.
        leader_epoch: The epoch that this offset had, -1 where that isn't known.
        record: The encoding that the record at `offset` must have, which is sealed already; None if retention has
            deleted it, so that the first record read is a new one.
    """

    offset: int
    leader_epoch: int
    record: bytes | None


@dataclass(frozen=True, slots=True)
class GenesisRule:
    """Whether a log may begin, and the head of the run before."""

    allowed: bool
    predecessor: Predecessor | None


@dataclass(frozen=True, slots=True)
class Recovered:
    """Where the log continues.

    Attributes:
        state: The state that the next block must fit.
        unfinished: A signed next block that must be committed before anything else is sealed.
        resume: Where to read events from.
        events: The events partition that the log is sealed from.
        unarchived_since: When the oldest block that isn't in the vault was sealed, µs since the epoch.
    """

    state: LogState
    unfinished: Block | None
    resume: ResumePoint
    events: EventsPartition
    unarchived_since: int | None


def recover(origin: Origin, keys: LogKeys, sources: LogSources, genesis: GenesisRule) -> Recovered:
    """Decide where a log continues.

    Raises:
        UnavailableError: A broker's metadata is older than the head.
        HaltError: It can't continue safely; see the rules above.
    """
    head, signed_by = (
        (None, ()) if sources.head is None else open_block(origin, keys, sources.head, "the blocks topic's last block")
    )
    if head and head.header.origin.run > origin.run:
        problem = f"run {head.header.origin.run} of this log has begun: {origin} is over"
        raise HaltError(Halt.HEAD_DISAGREES, f"{origin}: {problem}; set the sealer's run")
    if head and head.header.origin != origin:
        head = None
    unarchived = _check_vault(origin, keys, head, sources)
    state = LogState.after(head, signed_by) if head else LogState.genesis(origin, keys.current)
    keys.check_can_sign(state)
    _check_group(state, sources.group_text)
    unfinished = find_unfinished(state, sources.aborted)
    if head is None and unfinished is None:
        _check_genesis(origin, genesis, sources.earlier_head)
    filled = _check_filled(origin, keys, head, sources.filled)
    resume = _find_resume_point(origin, head, filled, sources.events)
    since = unarchived.header.sealed_at if unarchived else None
    return Recovered(state, unfinished, resume, sources.events, since)


def _check_vault(origin: Origin, keys: LogKeys, head: Block | None, sources: LogSources) -> Block | None:
    """Check that vault and topic agree; return the oldest block that isn't archived."""
    before, expected = None, 0
    if sources.archived:
        height = sources.archived.height
        expected = height + 1
        archived, archived_by = _open_archived(origin, keys, head, sources.archived)
        before = LogState.after(archived, archived_by)
        if head is None or head.header.height < height:
            has = "has no block" if head is None else f"ends at {head.header.height}"
            raise HaltError(Halt.HEAD_DISAGREES, f"{origin}: the vault has block {height}, the blocks topic {has}")
        if head.header.height == height:
            if sources.archived.data != sources.head:
                raise HaltError(Halt.FORK, f"{origin}: vault and blocks topic have different blocks {height}")
            return None
    if head is None:
        return None
    if sources.unarchived is None:
        problem = f"block {expected} is in neither vault nor blocks topic, which has {head.header.height}"
        raise HaltError(Halt.BLOCKS_LOST, f"{origin}: {problem}")
    unarchived, signed_by = open_block(origin, keys, sources.unarchived, f"the blocks topic's block {expected}")
    try:
        (before or LogState.genesis(origin, signed_by)).accept(unarchived)
    except VerificationError as error:
        problem = f"the blocks topic's block {expected} doesn't extend the vault's: {error}"
        raise HaltError(Halt.FORK, f"{origin}: {problem}") from error
    return unarchived


def _open_archived(
    origin: Origin, keys: LogKeys, head: Block | None, stored: StoredBlock
) -> tuple[Block, tuple[VerifierKey, ...]]:
    """Return the vault's highest block and its keys. It must be ours: any other object there is foreign."""
    where = f"the vault's block {stored.height}"
    try:
        archived, signed_by = open_block(origin, keys, stored.data, where)
    except HaltError as error:
        if error.halt is Halt.KEY and head is None:  # no other block of ours shows that our key is the right one
            raise
        raise HaltError(Halt.SQUATTED, str(error)) from error
    if (archived.header.origin, archived.header.height) != (origin, stored.height):
        raise HaltError(Halt.SQUATTED, f"{origin}: {where} is of another place")
    return archived, signed_by


def _check_group(state: LogState, text: str) -> None:
    """Cross-check the group's position, as far as it is of this run: someone may have reset it, which does no harm."""
    match = _GROUP_TEXT.fullmatch(text)
    if match and int(match[1]) == state.origin.run and int(match[2]) > state.height:
        problem = f"the group's position was committed with block {int(match[2]) - 1}, which is gone: the last one"
        raise HaltError(Halt.BLOCKS_LOST, f"{state.origin}: {problem} in the blocks topic is {state.height - 1}")


def _check_genesis(origin: Origin, genesis: GenesisRule, earlier_head: Predecessor | None) -> None:
    if not genesis.allowed:
        problem = "this log has no block anywhere; if it is new, allow it with --genesis"
        raise HaltError(Halt.GENESIS_NOT_ALLOWED, f"{origin}: {problem}")
    if (origin.run > 0) != (genesis.predecessor is not None):
        problem = "a run above 0, and no other, continues from a predecessor: configure its origin, size and root"
        raise HaltError(Halt.GENESIS_NOT_ALLOWED, f"{origin}: {problem}")
    named = genesis.predecessor
    if named and named != (found := earlier_head or Predecessor(named.origin, 0, EMPTY_ROOT, named.keys)):
        has = (
            f"the vault's last head of the runs before is {_line(found)}"
            if earlier_head
            else "the vault has no head before"
        )
        problem = f"it is configured to continue from {_line(named)}, and {has}: verify the vault, and name its head"
        raise HaltError(Halt.GENESIS_NOT_ALLOWED, f"{origin}: {problem}")


def _line(head: Predecessor) -> str:
    """Return a head as the settings spell it."""
    return f"{head.origin} {head.size} {b64encode(head.root).decode()}"


def _check_filled(origin: Origin, keys: LogKeys, head: Block | None, data: bytes | None) -> Block | None:
    """Return the last block of this log with records, which must be ours; None where the topic doesn't have it."""
    if head is None or head.header.count:
        return head
    if data is None:
        return None
    filled, _ = open_block(origin, keys, data, "the blocks topic's last block with records")
    if filled.header.origin != origin:
        return None
    if filled.header.last_link != head.header.first_link:
        problem = f"block {head.header.height} doesn't continue the records of block {filled.header.height}"
        raise HaltError(Halt.FORK, f"{origin}: in the blocks topic, {problem}")
    return filled


def _find_resume_point(
    origin: Origin, head: Block | None, filled: Block | None, events: EventsPartition
) -> ResumePoint:
    """Check that the events log is the one that the head was sealed from, and return where to continue in it."""
    if head is None:
        return ResumePoint(events.start, -1, None)
    header = head.header
    seen, now = (header.cluster_id, header.topic_id), (events.cluster_id, events.topic_id)
    if seen != now:
        problem = f"blocks were sealed from cluster and topic {seen}, this is {now}"
        raise HaltError(Halt.LOG_RECREATED, f"{origin}: {problem}")
    if events.partitions < header.partitions:  # Kafka never takes a partition away from a topic
        problem = f"block {header.height} names {header.partitions} partitions, and a broker shows {events.partitions}"
        raise UnavailableError(f"{origin}: {problem}: its metadata is old")
    following = header.last_offset + 1
    if events.end < following:
        problem = f"offsets up to {header.last_offset} are sealed, and the events log ends at {events.end - 1}"
        raise HaltError(Halt.LOG_TRUNCATED, f"{origin}: {problem}")
    if filled:
        *_, (offset, record) = (
            (sealed.offset, raw) for sealed, raw in zip(filled.records(), filled.encoded_records(), strict=True)
        )
        if offset >= events.start:
            return ResumePoint(offset, header.last_leader_epoch, record)
    return ResumePoint(max(following, events.start), -1, None)
