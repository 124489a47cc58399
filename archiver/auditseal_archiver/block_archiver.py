"""Archives the blocks of one partition, one after the other: verifies, stores, and on a 412 compares."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from auditseal_archiver.conflict import check_no_marker_first, check_same_block
from auditseal_archiver.decision import CompareBlock, MissingBlocks, decide, parse_block
from auditseal_archiver.errors import RewindNeededError
from auditseal_archiver.lock_check import LockCheck, WantedLock
from auditseal_archiver.log_state import is_new_partition, read_log_state
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.retention import first_lock_end
from auditseal_archiver.written_blocks import WrittenBlocks
from auditseal_daemon.retry import StoreRetry
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_vault.encryption import Encryption, check_encryption
from auditseal_vault.errors import AlreadyStoredError, unreadable_is_squatted
from auditseal_vault.interface import StoredVersion, Vault
from auditseal_vault.oldest import oldest_version, read_oldest

LOOK_SECONDS = 3600.0
"""From one look at the lowest block's lock to the next: someone may have extended it (`auditseal retention extend`)."""


@dataclass(frozen=True, slots=True)
class PartitionConfig:
    """How one partition is archived.

    Attributes:
        topic: The blocks topic.
        partition: Its number, which is also the events partition's.
        logs: The pinned logs of that partition, one a run, from the first run to the current one.
        retention: The least time from sealing to the end of the lock.
        other_logs: The pinned logs of the topic's other partitions.
        encryption: The encryption at rest that each stored block must have; None for the store's default, unchecked.
        from_beginning: Blocks come from the topic's beginning: a height that is missing then is lost.
    """

    topic: str
    partition: int
    logs: tuple[PinnedLog, ...]
    other_logs: tuple[PinnedLog, ...]
    retention: timedelta
    from_beginning: bool
    encryption: Encryption | None = None


class BlockArchiver:
    """Archives one partition's blocks. A log's state is read from the vault, and kept in memory from then on."""

    def __init__(self, config: PartitionConfig, vault: Vault, metrics: ArchiverMetrics, retry: StoreRetry) -> None:
        """Take the vault, and `retry` for all calls to it; nothing is sent yet."""
        self._config, self._vault, self._metrics, self._retry = config, vault, metrics, retry
        self._labels = (config.topic, config.partition)
        self._log = structlog.get_logger(__name__).bind(topic=config.topic, partition=config.partition)
        self._logs = {log.origin: log for log in config.logs}
        self._states: dict[Origin, LogState] = {}
        self._given_up: set[Origin] = set()
        self._look_due = 0.0
        self._attempted = ""  # the key of the last write; to be repeated only where its outcome is unknown
        self._locks = LockCheck(vault, metrics.found_unlocked.labels(*self._labels).inc)
        self._written = {log.origin: WrittenBlocks(vault, log.origin, self._locks) for log in config.logs}

    def recover(self) -> None:
        """Read the current run's state; an earlier run's is read when a block of it comes.

        Raises:
            HaltError: The vault's highest object is not a block of the log.
        """
        current = self._config.logs[-1].origin
        state = self._state_of(current)
        self._metrics.height.labels(*self._labels).set(state.height)
        self._show_retention(current)
        days = self._config.retention.days
        self._log.info("recovered from the vault", origin=str(current), height=state.height, retention_days=days)

    def is_new(self) -> bool:
        """Return whether the partition is a new one: the vault has no block of it, and blocks of another partition."""
        logs, others = self._config.logs, self._config.other_logs
        return self._retry.run(lambda: is_new_partition(self._vault, logs, others))

    def archive(self, data: bytes, what: str) -> None:
        """Archive a block; return when the vault holds it. `what` names the record in errors.

        Until `check_written` checks a block that was written, an older object may be at its key, too.

        Raises:
            HaltError: The archiver must stop; nothing was stored.
            RewindNeededError: Blocks before this one were not read, and may be in the topic.
        """
        block = parse_block(data, what)
        origin = block.header.origin
        if origin not in self._logs:
            raise HaltError(Halt.INVALID_BLOCK, f"{what} is of {origin}, which no log line of the trust file pins")
        if origin in self._given_up:
            return
        with self._superseded_given_up(origin):
            self._archive(block, data)

    def check_due_in(self) -> float | None:
        """Return the seconds until `check_written` is due, 0 if it is; None where it has nothing to check."""
        return min((due for written in self._written.values() if (due := written.due_in()) is not None), default=None)

    def check_written(self) -> None:
        """Check that the blocks written since the last check are the first objects at their keys.

        Raises:
            HaltError: FORK or SQUATTED; the archiver must stop.
        """
        for origin, written in self._written.items():
            if origin not in self._given_up:
                with self._superseded_given_up(origin):
                    self._retry.run(written.check)

    @contextmanager
    def _superseded_given_up(self, origin: Origin) -> Iterator[None]:
        """Pass on a halt of the current run, and give up an earlier run that halts.

        A person pinned a later run, which is how a log is given up: its last blocks must not halt that run too.
        """
        try:
            yield
        except HaltError as error:
            if origin == self._config.logs[-1].origin:
                raise
            self._log.error("the rest of a superseded run is given up", origin=str(origin), problem=str(error))
            self._metrics.count_halt(self._labels, error)
            self._given_up.add(origin)
            self._written[origin].clear()

    def _archive(self, block: Block, data: bytes) -> None:
        origin, now = block.header.origin, datetime.now(UTC)
        state = self._state_of(origin)
        decision = decide(state, block, now)
        if isinstance(decision, MissingBlocks):
            missing = f"blocks {decision.first} to {decision.last} of {origin}"
            if not self._config.from_beginning:
                raise RewindNeededError(f"{missing} were not read")
            places = f"{self._vault.url} nor in {self._config.topic}"
            raise HaltError(Halt.BLOCKS_LOST, f"{missing} are neither in {places}")
        lock = WantedLock.of(block, self._config.retention, now)
        if isinstance(decision, CompareBlock):
            self._retry.run(lambda: self._compare(block, data, (state.keys, self._logs[origin].keys), lock))
            return
        self._retry.run(lambda: self._store(block, data, state.keys, lock))
        self._written[origin].add(block, data, state.keys, lock)
        self._states[origin] = decision.state
        self._count(block)
        if block.header.height == 0 or time.monotonic() >= self._look_due:
            self._show_retention(self._config.logs[-1].origin)

    def _store(self, block: Block, data: bytes, keys: tuple[VerifierKey, ...], lock: WantedLock) -> None:
        """Store a block; where an object is at its key already (a 412), compare it with the block.

        A repeated write looks first: over a delete marker that came meanwhile it would store the block once more.
        """
        key = block.header.origin.block_key(block.header.height)
        if key != self._attempted or oldest_version(self._vault, key) is None:
            self._attempted, begun = key, time.monotonic()
            try:
                with unreadable_is_squatted():
                    self._vault.put(key, data, lock.until)
            except AlreadyStoredError:
                self._metrics.put_failures.labels(*self._labels, "exists").inc()
            else:
                self._metrics.put_seconds.observe(time.monotonic() - begun)
                return
        stored = self._compare(block, data, (keys,), lock)
        if self._config.encryption:  # an earlier write of ours may have stored it, whose answer was lost
            answered = self._vault.encryption(key, stored.version_id)
            check_encryption(self._config.encryption, answered, f"{key} in {self._vault.url}")

    def _compare(
        self, block: Block, data: bytes, keys: tuple[tuple[VerifierKey, ...], ...], lock: WantedLock
    ) -> StoredVersion:
        """Compare the oldest object at a block's key with the block, lock it where it isn't, and return its version.

        It may be a block that was written before a crash and not checked, so a marker below it counts here, too.
        """
        key = block.header.origin.block_key(block.header.height)
        with unreadable_is_squatted():
            versions = self._vault.versions_of(key)
        oldest, stored = read_oldest(self._vault, key, versions)
        if not oldest.is_latest:
            self._log.error("a later version hides a block; the version that was locked first counts", key=key)
        check_same_block(keys, data, stored)
        check_no_marker_first(f"{key} in {self._vault.url}", versions)
        self._locks.check(oldest, lock)
        return oldest

    def _state_of(self, origin: Origin) -> LogState:
        if origin not in self._states:
            self._states[origin] = self._retry.run(lambda: read_log_state(self._vault, self._logs[origin]))
        return self._states[origin]

    def _count(self, block: Block) -> None:
        header, now = block.header, time.time()
        self._metrics.blocks.labels(*self._labels).inc()
        self._metrics.events.labels(*self._labels).inc(header.count)
        self._metrics.height.labels(*self._labels).set(header.height + 1)
        self._metrics.last_archived.labels(*self._labels).set(now)
        if header.min_timestamp is not None:
            self._metrics.event_to_archived.observe(max(0.0, now - header.min_timestamp / 1000))
        self._log.debug("archived", origin=str(header.origin), height=header.height, records=header.count)

    def _show_retention(self, origin: Origin) -> None:
        with unreadable_is_squatted():
            end = self._retry.run(lambda: first_lock_end(self._vault, origin))
        self._look_due = time.monotonic() + LOOK_SECONDS
        if end is not None:
            self._metrics.retention_remaining.labels(*self._labels).set_function(lambda: end - time.time())
