"""Looks at the streams of a vault again and again until it is stopped, and shows what it finds as metrics."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from auditseal_daemon.telemetry import Health
from auditseal_schemas.errors import UnavailableError, VerificationError
from auditseal_search.stream_report import StreamReport
from auditseal_search.stream_state import Judgement, State

STREAMS = "streams"
"""The condition of readiness: the last look read all logs up to their ends."""


@dataclass(frozen=True, slots=True)
class LookRules:
    """How streams are looked at. All are milliseconds.

    Attributes:
        settle: How long an event may take from `record()` to a sealed block.
        expected: The longest silence of each service that is expected.
        every: From the end of one look to the next.
    """

    settle: int
    expected: Mapping[str, int]
    every: int

    def at(self, seconds: float) -> Judgement:
        """Return the rules of a look at a time in seconds since the epoch."""
        return Judgement(int(seconds * 1000), self.settle, self.expected, self.every)


class StreamMetrics:
    """What a daemon that looks at streams shows."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all of them."""
        self.streams = Gauge(
            "auditseal_streams", "Streams, by the most serious state of each.", ("state",), registry=registry
        )
        self.silent = Gauge(
            "auditseal_streams_service_silent",
            "Whether an expected service has recorded nothing for longer than it may: 1 or 0.",
            ("service",),
            registry=registry,
        )
        self.last_event = Gauge(
            "auditseal_streams_service_last_event_timestamp_seconds",
            "When the latest sealed event of an expected service was written; 0 before the first.",
            ("service",),
            registry=registry,
        )
        self.last_success = Gauge(
            "auditseal_streams_last_success_timestamp_seconds",
            "When a look last read all logs up to their ends.",
            registry=registry,
        )
        self.failures = Counter(
            "auditseal_streams_failures",
            "Looks that could not read all logs: the vault was unavailable, or the verdict on a wrong block.",
            ("reason",),
            registry=registry,
        )

    def show(self, report: StreamReport, expected: Mapping[str, int]) -> None:
        """Show the result of a look."""
        for state in State:
            if state is not State.SILENT:
                self.streams.labels(state).set(report.counts[state])
        silent = {one.service for one in report.silent}
        for service in expected:
            self.silent.labels(service).set(service in silent)
            self.last_event.labels(service).set(report.heard.get(service, 0) / 1000)


class StreamFollower:
    """Looks at all streams at an interval.

    Args:
        report: Reads the logs.
        rules: How streams are looked at.
        metrics: What is shown.
        health: Where the condition `STREAMS` is reported.
        clock: The time in seconds since the epoch.
    """

    def __init__(
        self,
        report: StreamReport,
        rules: LookRules,
        metrics: StreamMetrics,
        health: Health,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._report, self._rules, self._metrics, self._health, self._clock = report, rules, metrics, health, clock
        self._shown: dict[State, int] | None = None
        self._log: Any = structlog.get_logger("auditseal.streams")

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set. An unreachable vault is reported, and the next look continues.

        Raises:
            VerificationError: A block of the vault is wrong.
            BrokenLedgerError: What was read can't be kept.
        """
        while True:
            self.look()
            if stop.wait(self._rules.every / 1000):
                return

    def look(self) -> None:
        """Read what is new, and show the states; errors as `run`.

        While the vault can't be read, the states stay as they are: blocks that are not read may have new events.
        """
        now = self._clock()
        try:
            self._report.read()
        except UnavailableError as error:
            self._metrics.failures.labels("unavailable").inc()
            self._health.miss(STREAMS, str(error))
            self._log.warning("the vault is unreachable, trying again", problem=str(error))
            return
        except VerificationError as error:
            self._metrics.failures.labels(error.verdict).inc()
            raise
        for _ in self._report.states(self._rules.at(now)):
            pass
        self._metrics.show(self._report, self._rules.expected)
        self._metrics.last_success.set(now)
        self._health.hold(STREAMS)
        if self._report.counts != self._shown:
            self._shown = self._report.counts
            silent = [one.service for one in self._report.silent]
            self._log.info("states changed", silent=silent, **{str(state): self._shown[state] for state in State})
