"""A draft: the next block of a log while it fills. All that sealing is, except the signature's key and the clock."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from hashlib import sha256

from auditseal_schemas.block import Block, make_locators
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Chunk, payload_digest
from auditseal_schemas.deflate import deflate
from auditseal_schemas.header import (
    CAUSE_BELOW_START,
    CAUSE_UNKNOWN,
    CAUSE_UNREADABLE,
    TIMESTAMP_NONE,
    Gap,
    Header,
    Predecessor,
)
from auditseal_schemas.kafka_message import KafkaMessage
from auditseal_schemas.key import Signer
from auditseal_schemas.limits import MAX_BLOCK_BYTES, MAX_CHUNK_BYTES, MAX_GAPS, MAX_RECORDS, MIB
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import tree_root
from auditseal_schemas.note import sign_note
from auditseal_schemas.record import RecordEncoder

_begin_leaf = sha256(b"\x00").copy  # a copy takes less time than another object and a joined text
_SMALL = 16_384
"""Bytes that are compressed without another thread: to wake one takes as long, and it may be publishing a block."""


class CloseReason(StrEnum):
    """Why a block was closed."""

    COUNT = "count"
    BYTES = "bytes"
    GAPS = "gaps"
    TIMESTAMP_TYPE = "timestamp_type"
    AGE = "age"
    HEARTBEAT = "heartbeat"
    REVOKED = "revoked"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class BlockLimits:
    """When a block is full, whichever comes first.

    Attributes:
        records: Records in a block, at most MAX_RECORDS.
        bytes: Encoded bytes before compression, at most MAX_BLOCK_BYTES; one larger record makes a block by itself.
    """

    records: int = 50_000
    bytes: int = 8 * MIB

    def __post_init__(self) -> None:
        if not (1 <= self.records <= MAX_RECORDS and 1 <= self.bytes <= MAX_BLOCK_BYTES):
            raise ValueError(f"a block holds 1 to {MAX_RECORDS} records and 1 to {MAX_BLOCK_BYTES} bytes")


@dataclass(frozen=True, slots=True)
class SourceIdentity:
    """What the sealer saw of the topic: see docs/reference/format.md, Header."""

    cluster_id: str
    topic_id: str
    partitions: int
    last_leader_epoch: int


Task = Callable[[], bytes]


def _run(task: Task) -> Task:
    """Do a task at once."""
    result = task()
    return lambda: result


class BlockDraft:
    """The next block of a log, filling.

    Attributes:
        full: Why it accepts no more records, None while it does.
    """

    def __init__(
        self,
        state: LogState,
        limits: BlockLimits,
        *,
        log_start: int = 0,
        unreadable: Sequence[tuple[int, int]] = (),
        compress: Callable[[bytes], bytes] = deflate,
        start: Callable[[Task], Task] = _run,
    ) -> None:
        """Begin the block after `state`.

        Args:
            state: The log so far.
            limits: When the block is full.
            log_start: Missing offsets below it are a gap of cause 1.
            unreadable: Ranges of offsets, first and last, ascending, with offsets between two of them; missing offsets
                in them are gaps of cause 2.
            compress: Makes a raw deflate stream.
            start: Starts the compression of a chunk of more than 16 KiB and returns what waits for its result: it may
                run in another thread.
        """
        self.full: CloseReason | None = None
        self._state, self._limits, self._log_start, self._unreadable = state, limits, log_start, unreadable
        self._compress, self._start = compress, start
        self._encoder = RecordEncoder()
        self._next_offset = state.next_offset
        self._gaps: list[Gap] = []
        self._links: list[bytes] = []
        self._timestamp_type = TIMESTAMP_NONE
        self._timestamps: set[int] = set()
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._chunks: list[tuple[int, Task]] = []
        self._chunk_bytes = 0

    @property
    def count(self) -> int:
        """The records taken so far."""
        return len(self._links)

    @property
    def next_offset(self) -> int:
        """The offset after the last one taken."""
        return self._next_offset

    def extend(self, messages: Sequence[KafkaMessage]) -> int:
        """Take messages in the order of their offsets until the block is full; return how many were taken.

        A full block takes nothing, not even the gap before a message.

        Raises:
            ValueError: An offset comes twice or runs backwards.
        """
        if self.full:
            return 0
        before, free = len(self._links), self._limits.records - len(self._links)
        self._take(messages if len(messages) <= free else messages[:free])
        taken = len(self._links) - before
        if taken == free and len(messages) > free:
            self.full = CloseReason.COUNT
        return taken

    def _take(self, messages: Sequence[KafkaMessage]) -> None:
        """Take messages until the block is full by anything but their number.

        This runs for every record that is sealed: its data are in local names, which are written back at the end.
        """
        links, pending, timestamps, encode = self._links, self._pending, self._timestamps, self._encoder.encode
        link, begin = links[-1] if links else self._state.link, _begin_leaf
        next_offset, kind, last = self._next_offset, self._timestamp_type, None
        filled, ceiling = self._pending_bytes, self._ceiling
        try:
            for message in messages:
                offset, its_kind, timestamp = message.offset, message.timestamp_type, message.timestamp
                if offset != next_offset or its_kind != kind:
                    self._next_offset = next_offset
                    admitted = self._admit(offset, its_kind)
                    next_offset, kind = self._next_offset, its_kind
                    if not admitted:
                        break
                record = encode(offset, timestamp, message.key, message.headers, message.value)
                size = len(record)
                if filled + size > ceiling:
                    if not self._make_room(filled, size):
                        break
                    filled, ceiling = 0, self._ceiling
                filled += size
                leaf = begin()
                leaf.update(link)
                leaf.update(record)
                link = leaf.digest()
                links.append(link)
                pending.append(record)
                if timestamp != last:
                    timestamps.add(timestamp)
                    last = timestamp
                next_offset = offset + 1
        finally:
            self._next_offset, self._pending_bytes = next_offset, filled

    @property
    def _ceiling(self) -> int:
        """The bytes at which either the open chunk or the block is full."""
        return min(MAX_CHUNK_BYTES, self._limits.bytes - self._chunk_bytes)

    def _admit(self, offset: int, kind: int) -> bool:
        """Prepare for a record that doesn't simply follow: after a gap, or of another timestamp type."""
        if offset < self._next_offset:
            raise ValueError(f"offset {offset} comes after {self._next_offset - 1}")
        if kind != self._timestamp_type and self._links:
            self.full = CloseReason.TIMESTAMP_TYPE
            return False
        self._timestamp_type = kind
        for end, cause in self._missing_until(offset):
            if end > self._next_offset:
                if len(self._gaps) == MAX_GAPS:
                    self.full = CloseReason.GAPS
                    return False
                self._gaps.append(Gap(self._next_offset, end - 1, cause))
                self._next_offset = end
        return True

    def _missing_until(self, offset: int) -> Iterator[tuple[int, int]]:
        """Yield end and cause of each gap that may be before an offset; one that ends below the last one is empty."""
        yield min(self._log_start, offset), CAUSE_BELOW_START
        for first, last in self._unreadable:
            yield min(first, offset), CAUSE_UNKNOWN
            yield min(last + 1, offset), CAUSE_UNREADABLE
        yield offset, CAUSE_UNKNOWN

    def _make_room(self, filled: int, size: int) -> bool:
        """Close the chunk, which holds `filled` bytes, for a record of `size` more; or say that the block is full."""
        if self._links and self._chunk_bytes + filled + size > self._limits.bytes:
            self.full = CloseReason.BYTES
            return False
        self._close_chunk()
        return True

    def _close_chunk(self) -> None:
        if self._pending:
            content = b"".join(self._pending)
            start = self._start if len(content) > _SMALL else _run
            self._chunks.append((len(self._pending), start(partial(self._compress, content))))
            self._chunk_bytes += len(content)
            self._pending.clear()

    def seal(
        self,
        source: SourceIdentity,
        signers: Sequence[Signer],
        *,
        now: int,
        sealer: str,
        predecessor: Predecessor | None = None,
        next_keys: tuple[str, ...] = (),
        final: bool = False,
    ) -> Block:
        """Close the block and sign it; `now` in µs since the epoch, `sealer` as name/version.

        Raises:
            MalformedError: The parts make no valid header.
        """
        self._close_chunk()
        state, locators, events_root = self._state, make_locators(self._links), tree_root(self._links)
        chunks = tuple(Chunk(count, compressed()) for count, compressed in self._chunks)
        header = Header(
            origin=state.origin,
            height=state.height,
            previous=state.previous,
            predecessor=predecessor,
            cluster_id=source.cluster_id,
            topic_id=source.topic_id,
            partitions=source.partitions,
            last_leader_epoch=source.last_leader_epoch,
            first_offset=state.next_offset,
            last_offset=self._next_offset - 1,
            count=len(self._links),
            size=self._chunk_bytes,
            gaps=tuple(self._gaps),
            timestamp_type=self._timestamp_type,
            min_timestamp=min(self._timestamps, default=None),
            max_timestamp=max(self._timestamps, default=None),
            sealed_at=max(now, state.head.sealed_at if state.head else 0),
            first_link=state.link,
            last_link=self._links[-1] if self._links else state.link,
            events_root=events_root,
            payload=payload_digest(chunks),
            locators=sha256(locators).digest(),
            next_keys=next_keys,
            final=final,
            sealer=sealer,
        )
        leaf = header.leaf
        root = state.frontier.append(leaf).root
        note = sign_note(Checkpoint(state.origin, state.height + 1, root).format(), str(state.origin), signers)
        return Block(header, leaf, state.frontier, note, locators, chunks)
