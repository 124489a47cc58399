"""The metrics of the sealer, under the names of docs/reference/metrics.md."""

import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from auditseal_daemon.log_states import LogStates
from auditseal_schemas.block_draft import CloseReason
from auditseal_schemas.origin import Origin
from auditseal_sealer.sealing_state import SealingState

_LABELS = ("topic", "partition")
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 7, 10, 30, 60, 300)
_EVENTS = (1, 10, 100, 1_000, 5_000, 10_000, 25_000, 50_000, 65_536)
_BYTES = tuple(1 << power for power in range(10, 25, 2))


class SealerMetrics:
    """All metrics of a sealer, in one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *more: str) -> Counter:
            return Counter(f"auditseal_{name}", text, (*_LABELS, *more), registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"auditseal_{name}", text, _LABELS, registry=registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(f"auditseal_{name}", text, _LABELS, registry=registry, buckets=buckets)

        self.consumed = counter("events_consumed_total", "Records read, sealed or not yet.")
        self.sealed = counter("events_sealed_total", "Records in committed blocks.")
        self.blocks = counter("blocks_sealed_total", "Committed blocks.")
        self.closes = counter("block_closes_total", "Closed blocks by reason.", "reason")
        self.gaps = counter("chain_gaps_total", "Gaps in committed blocks: runs of offsets without a record.")
        self.unreadable = counter("unreadable_offsets_total", "Offsets that could not be read and were skipped.")
        self.recoveries = counter("head_recoveries_total", "Times that the head was recovered.")
        self.lag = gauge("consumer_lag_records", "Records of the log that are not in a committed block.")
        self.age = gauge("oldest_unsealed_event_age_seconds", "Age of the oldest record read that isn't sealed.")
        self.height = gauge("chain_height", "Blocks in the chain.")
        self.last_sealed = gauge("last_sealed_timestamp_seconds", "When the last block was committed.")
        self.seal_seconds = histogram("seal_duration_seconds", "From a block's close to its commit.", _SECONDS)
        self.event_seconds = histogram(
            "event_to_sealed_seconds", "From the append of a block's oldest record to its commit.", _SECONDS
        )
        self.block_events = histogram("block_events", "Records in a block.", _EVENTS)
        self.block_bytes = histogram("block_bytes", "Bytes of a block's object.", _BYTES)
        self.states = LogStates(registry, SealingState)
        self.key_expiry = Gauge(
            "auditseal_signing_key_expiry_timestamp_seconds",
            "When a signing key expires, as the configuration has it.",
            ("key",),
            registry=registry,
        )


class LogMetrics:
    """The metrics of one log while this sealer has it.

    Counters are served from the start, a gauge from the time its value is known.
    """

    def __init__(self, metrics: SealerMetrics, origin: Origin) -> None:
        labels = (origin.topic, str(origin.partition))
        self.consumed = metrics.consumed.labels(*labels)
        self.sealed = metrics.sealed.labels(*labels)
        self.blocks = metrics.blocks.labels(*labels)
        self.gaps = metrics.gaps.labels(*labels)
        self.unreadable = metrics.unreadable.labels(*labels)
        self.recoveries = metrics.recoveries.labels(*labels)
        self.seal_seconds = metrics.seal_seconds.labels(*labels)
        self.event_seconds = metrics.event_seconds.labels(*labels)
        self.block_events = metrics.block_events.labels(*labels)
        self.block_bytes = metrics.block_bytes.labels(*labels)
        self.oldest_unsealed: int | None = None
        """The append time (ms) of the oldest record that was read and isn't sealed."""
        self._closes, self._gauges, self._labels = metrics.closes, metrics, labels

    @property
    def lag(self) -> Gauge:
        """Records in the log that are in no committed block."""
        return self._gauges.lag.labels(*self._labels)

    @property
    def height(self) -> Gauge:
        """Blocks in the chain."""
        return self._gauges.height.labels(*self._labels)

    @property
    def last_sealed(self) -> Gauge:
        """When the last block was committed."""
        return self._gauges.last_sealed.labels(*self._labels)

    def show(self, state: SealingState) -> None:
        """Show the log's state."""
        topic, partition = self._labels
        self._gauges.states.show(topic, int(partition), state)

    def closed(self, reason: CloseReason) -> None:
        """Count a closed block."""
        self._closes.labels(*self._labels, reason.value).inc()

    def begin(self) -> None:
        """Note that all records that were read are sealed or will be read again; serve the age from here on."""
        self.oldest_unsealed = None
        self._gauges.age.labels(*self._labels).set_function(self._age)

    def suspend(self) -> None:
        """Drop the values that are known only while the log is sealed: an age that stops would hide that it is not."""
        self._drop(self._gauges.lag, self._gauges.age)

    def forget(self) -> None:
        """Drop the gauges of a log that another sealer has now; one that ends late sets nothing that is served."""
        served, self._gauges = self._gauges, SealerMetrics(CollectorRegistry())
        self._drop(served.lag, served.age, served.height, served.last_sealed)
        served.states.forget(self._labels[0], int(self._labels[1]))

    def _drop(self, *gauges: Gauge) -> None:
        topic, partition = self._labels
        for gauge in gauges:
            gauge.remove_by_labels({"topic": topic, "partition": partition})

    def _age(self) -> float:
        oldest = self.oldest_unsealed
        return 0.0 if oldest is None else max(0.0, time.time() - oldest / 1000)
