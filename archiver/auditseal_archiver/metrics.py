"""The metrics of the archiver; names, units and meaning: docs/reference/metrics.md."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from auditseal_archiver.archiving_state import ArchivingState
from auditseal_daemon.log_states import LogStates
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.halt import HaltError

_LOG = ("topic", "partition")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LONG_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0)


class ArchiverMetrics:
    """The archiver's metrics in one registry; `topic` and `partition` are the blocks topic's."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all of them."""
        self.blocks = Counter(
            "auditseal_blocks_archived", "Blocks stored under lock, or found stored.", _LOG, registry=registry
        )
        self.events = Counter("auditseal_events_archived", "Records in those blocks.", _LOG, registry=registry)
        self.put_failures = Counter(
            "auditseal_archive_put_failures", "Attempts to store that failed.", (*_LOG, "reason"), registry=registry
        )
        self.found_unlocked = Counter(
            "auditseal_blocks_found_unlocked",
            "Blocks that someone else had stored first, without their lock; they were locked then.",
            _LOG,
            registry=registry,
        )
        self.verify_failures = Counter(
            "auditseal_verify_failures", "Blocks that an auditor would refuse.", ("verdict",), registry=registry
        )
        self.height = Gauge("auditseal_chain_height", "Blocks of the log in the vault.", _LOG, registry=registry)
        self.oldest_unarchived = Gauge(
            "auditseal_oldest_unarchived_block_age_seconds",
            "Age of the oldest block that was read and is not in the vault; 0 without such a block.",
            _LOG,
            registry=registry,
        )
        self.last_archived = Gauge(
            "auditseal_last_archived_timestamp_seconds", "When a block was last stored.", _LOG, registry=registry
        )
        self.retention_remaining = Gauge(
            "auditseal_object_lock_retention_remaining_seconds",
            "Seconds until the lock of the vault's lowest block ends, which is the first to end.",
            _LOG,
            registry=registry,
        )
        self.event_to_archived = Histogram(
            "auditseal_event_to_archived_seconds",
            "From a block's earliest record to its lock, one observation a block.",
            buckets=_LONG_SECONDS,
            registry=registry,
        )
        self.put_seconds = Histogram(
            "auditseal_s3_put_seconds", "Writes that the store confirmed.", buckets=_SECONDS, registry=registry
        )
        self.store_available = Gauge(
            "auditseal_store_available",
            "1 where the store answers; 0 while it refuses a call.",
            registry=registry,
        )
        self.worm_drill_success = Gauge(
            "auditseal_worm_drill_success", "1 where the last drill passed; 0 before the first.", registry=registry
        )
        self.encrypts = Gauge(
            "auditseal_store_encrypts",
            "1 where the store said that it encrypted the last drill's canary at rest.",
            registry=registry,
        )

        self.states = LogStates(registry, ArchivingState)

    def count_halt(self, labels: tuple[str, int], error: HaltError) -> None:
        """Count a halt as a failure to store, and where a verdict caused it, that verdict."""
        self.put_failures.labels(*labels, error.halt.runbook).inc()
        if isinstance(error.__cause__, VerificationError):
            self.verify_failures.labels(error.__cause__.verdict).inc()

    def forget(self, topic: str, partition: int) -> None:
        """Drop the gauges of a log that another archiver has now."""
        for gauge in (self.height, self.oldest_unarchived, self.last_archived, self.retention_remaining):
            gauge.remove_by_labels({"topic": topic, "partition": str(partition)})
        self.states.forget(topic, partition)
