"""Keeps an index up with its vault: builds again and again until it is stopped, and shows how far it is."""

import threading
import time
from typing import Any, Protocol

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from auditseal_daemon.telemetry import Health
from auditseal_schemas.errors import UnavailableError, VerificationError
from auditseal_schemas.trust import PinnedLog
from auditseal_search.index_builder import Built

INDEX = "index"
"""The condition of readiness: every log's index covered all of the vault at the last look."""


class Builder(Protocol):
    """Adds to the index of one log: `IndexBuilder`, or `SigningBuilder`, which signs it as well."""

    def build(self, pinned: PinnedLog) -> Built:
        """Bring a log's index up to the vault's head, or to the first block that is at fault."""
        ...


class IndexMetrics:
    """What an index daemon shows; `origin` is the log."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all of them."""
        self.blocks = Gauge("auditseal_index_blocks", "Blocks that the index covers.", ("origin",), registry=registry)
        self.rows = Gauge("auditseal_index_rows", "Records in the index.", ("origin",), registry=registry)
        self.last_success = Gauge(
            "auditseal_index_last_success_timestamp_seconds",
            "When the index last covered all that the vault held.",
            ("origin",),
            registry=registry,
        )
        self.failures = Counter(
            "auditseal_index_failures",
            "Looks after which a log's index did not.",
            ("origin", "reason"),
            registry=registry,
        )


class IndexFollower:
    """Builds the index of all pinned logs at an interval.

    Args:
        builder: Adds to the index of one log.
        logs: The logs.
        metrics: What is shown.
        health: Where the condition `INDEX` is reported.
        every: Seconds from the end of one look to the next.
    """

    def __init__(
        self,
        builder: Builder,
        logs: tuple[PinnedLog, ...],
        metrics: IndexMetrics,
        health: Health,
        every: float,
    ) -> None:
        self._builder, self._logs, self._metrics, self._health, self._every = builder, logs, metrics, health, every
        self._log: Any = structlog.get_logger("auditseal.index")

    def run(self, stop: threading.Event) -> None:
        """Build until `stop` is set. An unreachable store is reported, and the next look continues.

        Raises:
            VerificationError: A block of the vault is wrong; the index ends below it.
            BrokenIndexError: The index is damaged, or of another log than the vault's.
        """
        while True:
            problems = [problem for log in self._logs if (problem := self._look(log))]
            if problems:
                self._health.miss(INDEX, "; ".join(problems))
            else:
                self._health.hold(INDEX)
            if stop.wait(self._every):
                return

    def _look(self, log: PinnedLog) -> str | None:
        """Bring one log's index up; return why that failed, None where it did not."""
        origin = str(log.origin)
        try:
            built = self._builder.build(log)
        except UnavailableError as error:
            self._metrics.failures.labels(origin, "unavailable").inc()
            self._log.warning("the vault or the index is unreachable, trying again", origin=origin, problem=str(error))
            return f"{origin}: {error}"
        self._show(built)
        if built.fault:
            self._metrics.failures.labels(origin, built.fault.verdict).inc()
            problem = f"block {built.fault.height} of {origin}: {built.fault.problem}"
            raise VerificationError(built.fault.verdict, "block", problem)
        self._metrics.last_success.labels(origin).set(time.time())
        return None

    def _show(self, built: Built) -> None:
        self._metrics.blocks.labels(str(built.origin)).set(built.size)
        self._metrics.rows.labels(str(built.origin)).set(built.rows)
        if built.size > built.before:
            self._log.info("indexed", origin=str(built.origin), blocks=built.size - built.before, size=built.size)
