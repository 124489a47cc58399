"""The state of each log as a metric, so that a log that stopped shows at once and not by its lag."""

from enum import StrEnum

from prometheus_client import CollectorRegistry, Gauge


class LogStates:
    """`auditseal_log_state`: one series for each log and state, 1 for the log's current state and 0 for the others."""

    def __init__(self, registry: CollectorRegistry, states: type[StrEnum]) -> None:
        """Register the metric; `states` are all states that a log of this daemon may have."""
        self._states = states
        self._gauge = Gauge(
            "auditseal_log_state", "1 for a log's current state.", ("topic", "partition", "state"), registry=registry
        )

    def show(self, topic: str, partition: int, state: StrEnum) -> None:
        """Show a log's current state."""
        for each in self._states:
            self._gauge.labels(topic, partition, each.value).set(each is state)

    def forget(self, topic: str, partition: int) -> None:
        """Drop the series of a log that another member of the group has now."""
        self._gauge.remove_by_labels({"topic": topic, "partition": str(partition)})
