"""The partitions that the group assigned to this archiver: each has a worker, or is held for a reason."""

import time
from collections.abc import Iterable, Iterator
from itertools import chain

from auditseal_archiver.archiving_state import ArchivingState, Held
from auditseal_archiver.block_archiver import PartitionConfig
from auditseal_archiver.config import ArchiverConfig
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.partition_worker import PartitionWorker
from auditseal_archiver.start_offset import StartOffset
from auditseal_vault.interface import Vault

_UNPINNED = (
    "the trust file (archiver.trust_file) pins no log of it, so its blocks wait in the topic: add the log lines that"
    " `auditseal keys show` prints, and start the archiver again"
)
_FINISH_SECONDS = 3.0  # that a block under way may take when its partition is revoked


class Assignment:
    """Starts and ends workers, and knows which of them have enough blocks in their queues and how far each one is.

    A partition that can't be archived is held: it has no worker, and the others continue.
    """

    def __init__(self, config: ArchiverConfig, vault: Vault, metrics: ArchiverMetrics) -> None:
        """Begin without a partition."""
        self._config, self._vault, self._metrics = config, vault, metrics
        self._workers: dict[int, PartitionWorker] = {}
        self._held: dict[int, Held] = {}
        self._paused: set[int] = set()
        self._committed: dict[int, int] = {}

    def __iter__(self) -> Iterator[tuple[int, PartitionWorker]]:
        """Yield each partition that has a worker; the worker may be replaced meanwhile."""
        return iter(list(self._workers.items()))

    def __len__(self) -> int:
        """Return the number of partitions."""
        return len(self._workers) + len(self._held)

    def __contains__(self, partition: object) -> bool:
        """Return whether a partition is assigned."""
        return partition in self._workers or partition in self._held

    def worker(self, partition: int | None) -> PartitionWorker | None:
        """Return a partition's worker, None where it isn't assigned or is held."""
        return None if partition is None else self._workers.get(partition)

    @property
    def held(self) -> dict[int, Held]:
        """The partitions that are held, each with the reason."""
        return dict(self._held)

    def states(self) -> dict[int, ArchivingState]:
        """Return each partition's state."""
        working = {number: worker.state for number, worker in self}
        return working | {number: held.state for number, held in self._held.items()}

    def start(self, partition: int, start: StartOffset) -> None:
        """Start a partition's worker, or hold a partition of which no log is pinned. A worker before is cancelled."""
        if before := self._workers.pop(partition, None):
            before.cancel()
        logs = self._config.logs.get(partition, ())
        if not logs:
            self._held[partition] = Held(ArchivingState.UNPINNED, _UNPINNED)
            return
        config = PartitionConfig(
            topic=self._config.blocks_topic,
            partition=partition,
            logs=logs,
            other_logs=tuple(
                chain.from_iterable(self._config.logs[each] for each in self._config.logs.keys() - {partition})
            ),
            retention=self._config.retention,
            from_beginning=start.from_beginning,
            encryption=self._config.encryption,
        )
        self._workers[partition] = PartitionWorker(config, self._vault, self._metrics)

    def hold(self, partition: int, problem: str) -> None:
        """Hold a partition whose worker ended."""
        del self._workers[partition]
        self._held[partition] = Held(ArchivingState.HALTED, problem)

    def pause(self) -> list[int]:
        """Return the partitions to pause: those whose share of the memory is used up. They count as paused."""
        share = self._share()
        full = [number for number, worker in self if number not in self._paused and worker.queued_bytes > share]
        self._paused.update(full)
        return full

    def resume(self) -> list[int]:
        """Return the paused partitions that have half of their share free. They count as resumed."""
        half = self._share() // 2
        free = [number for number, worker in self if number in self._paused and worker.queued_bytes <= half]
        self._paused.difference_update(free)
        return free

    def _share(self) -> int:
        return self._config.waiting_bytes // max(1, len(self._workers))

    def take_positions(self, partitions: Iterable[int] | None = None) -> dict[int, int]:
        """Return the positions that changed since they were last taken, of some partitions or of all."""
        positions = {number: worker.position for number, worker in self._chosen(partitions)}
        changed = {
            number: position
            for number, position in positions.items()
            if position is not None and self._committed.get(number) != position
        }
        self._committed.update(changed)
        return changed

    def finish(self, partitions: Iterable[int] | None = None) -> None:
        """Let the blocks under way end, of some partitions or of all, for at most three seconds."""
        workers = [worker for _, worker in self._chosen(partitions)]
        for worker in workers:
            worker.cancel()
        deadline = time.monotonic() + _FINISH_SECONDS
        for worker in workers:
            worker.wait(deadline - time.monotonic())

    def drop(self, partitions: Iterable[int]) -> None:
        """Cancel and forget partitions, and the metrics of their logs."""
        for partition in partitions:
            if worker := self._workers.pop(partition, None):
                worker.cancel()
            self._held.pop(partition, None)
            self._paused.discard(partition)
            self._committed.pop(partition, None)
            self._metrics.forget(self._config.blocks_topic, partition)

    def _chosen(self, partitions: Iterable[int] | None) -> list[tuple[int, PartitionWorker]]:
        """Return some partitions with their workers, or all."""
        wanted = None if partitions is None else set(partitions)
        return [(number, worker) for number, worker in self if wanted is None or number in wanted]
