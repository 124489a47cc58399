"""The partitions that the group assigned to this archiver, each with its worker."""

import time
from collections.abc import Iterable, Iterator

from auditseal_archiver.block_archiver import PartitionConfig
from auditseal_archiver.config import ArchiverConfig
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.partition_worker import PartitionWorker
from auditseal_archiver.start_offset import StartOffset
from auditseal_vault.interface import Vault

_FINISH_SECONDS = 3.0  # that a block under way may take when its partition is revoked


class Assignment:
    """Starts and ends workers, and knows which of them have enough blocks in their queues and how far each one is."""

    def __init__(self, config: ArchiverConfig, vault: Vault, metrics: ArchiverMetrics) -> None:
        """Begin without a partition."""
        self._config, self._vault, self._metrics = config, vault, metrics
        self._workers: dict[int, PartitionWorker] = {}
        self._paused: set[int] = set()
        self._committed: dict[int, int] = {}

    def __iter__(self) -> Iterator[tuple[int, PartitionWorker]]:
        """Yield each partition with its worker; it may be restarted meanwhile."""
        return iter(list(self._workers.items()))

    def __len__(self) -> int:
        """Return the number of partitions."""
        return len(self._workers)

    def __contains__(self, partition: object) -> bool:
        """Return whether a partition is assigned."""
        return partition in self._workers

    def worker(self, partition: int | None) -> PartitionWorker | None:
        """Return a partition's worker, None where it isn't assigned."""
        return None if partition is None else self._workers.get(partition)

    def start(self, partition: int, start: StartOffset) -> None:
        """Start a partition's worker. One that it had before is cancelled."""
        if before := self._workers.get(partition):
            before.cancel()
        logs = self._config.logs.get(partition, ())
        config = PartitionConfig(
            self._config.blocks_topic, partition, logs, self._config.retention, from_beginning=start.from_beginning
        )
        self._workers[partition] = PartitionWorker(config, self._vault, self._metrics)

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
        chosen = self._workers if partitions is None else partitions
        positions = {number: self._workers[number].position for number in chosen}
        changed = {
            number: position
            for number, position in positions.items()
            if position is not None and self._committed.get(number) != position
        }
        self._committed.update(changed)
        return changed

    def finish(self, partitions: Iterable[int] | None = None) -> None:
        """Let the blocks under way end, of some partitions or of all, for at most three seconds."""
        workers = [self._workers[number] for number in (self._workers if partitions is None else partitions)]
        for worker in workers:
            worker.cancel()
        deadline = time.monotonic() + _FINISH_SECONDS
        for worker in workers:
            worker.wait(deadline - time.monotonic())

    def drop(self, partitions: Iterable[int]) -> None:
        """Cancel and forget partitions, and the metrics of their logs."""
        for partition in partitions:
            self._workers.pop(partition).cancel()
            self._paused.discard(partition)
            self._committed.pop(partition, None)
            self._metrics.forget(self._config.blocks_topic, partition)
