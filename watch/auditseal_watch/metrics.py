"""The metrics of verification; names, units and meaning: docs/reference/metrics.md."""

from collections import Counter as Counts
from collections.abc import Mapping
from functools import partial
from math import nan
from time import time

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from auditseal_auditor.findings import AtRest
from auditseal_auditor.report import LogReport, Report
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict

_LOG = ("origin",)
_SECONDS = (0.1, 0.5, 1, 5, 10, 60, 300, 1800, 7200, 28800, 86400)
RESULTS = ("clean", "failed", "unknown")
"""The results of a check of all logs: everything holds, there are findings, not everything could be read or written."""


def result_of(report: Report) -> str:
    """Return which of `RESULTS` a report is."""
    if report.worst:
        return "failed"
    return "unknown" if report.exit_code else "clean"


class VerifyMetrics:
    """The metrics of one check of a vault, in one registry; `origin` is the log."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all of them."""

        def gauge(name: str, text: str, labels: tuple[str, ...] = _LOG) -> Gauge:
            return Gauge(f"auditseal_verify_{name}", text, labels, registry=registry)

        self.exit_code = gauge("exit_code", "The exit code that `auditseal verify` has for the last check.", ())
        self.last_run = gauge("last_run_timestamp_seconds", "When the last check began, whatever it found.", ())
        self.findings = gauge("findings", "Findings of the last check, by verdict.", (*_LOG, "verdict"))
        self.last_success = gauge(
            "last_success_timestamp_seconds", "When the last check began that found the log clean and complete."
        )
        self.head_blocks = gauge("head_blocks", "Blocks up to the largest verified head.")
        self.head_sealed = gauge(
            "head_sealed_timestamp_seconds", "When the block of the largest verified head was sealed."
        )
        self.blocks_at_rest = gauge(
            "blocks_at_rest",
            "Blocks that the last check verified, by their encryption at rest as the store says.",
            (*_LOG, "encryption"),
        )
        self.held_blocks = gauge("held_blocks", "Blocks that the last check verified, and that are under legal hold.")
        self.last_scrub = gauge(
            "last_scrub_timestamp_seconds", "When all blocks of the log had last been checked within one period."
        )

    def show(self, report: Report, began: float) -> None:
        """Show the result of a check.

        Args:
            report: The result.
            began: When the check began, in seconds since the epoch.
        """
        self.exit_code.set(report.exit_code)
        self.last_run.set(began)
        found = _findings_of(report)
        for origin in {*found, *(log.origin for log in report.logs)}:
            for verdict in Verdict:
                self.findings.labels(str(origin), verdict).set(found.get(origin, Counts())[verdict])
        for log in report.logs:
            self.held_blocks.labels(str(log.origin)).set(nan if log.counts.held is None else log.counts.held)
            for kind in AtRest:
                self.blocks_at_rest.labels(str(log.origin), kind).set(log.counts.at_rest[kind])
            if log.is_clean:
                self._show_clean(log, began)

    def _show_clean(self, log: LogReport, began: float) -> None:
        origin = str(log.origin)
        self.last_success.labels(origin).set(began)
        if log.remembered is None:
            return
        self.head_blocks.labels(origin).set(log.remembered.checkpoint.size)
        if log.remembered.resume:
            self.head_sealed.labels(origin).set(log.remembered.resume.block.header.sealed_at / 1e6)
        if log.remembered.scrub and log.remembered.scrub.ended_at is not None:
            self.last_scrub.labels(origin).set(log.remembered.scrub.ended_at / 1e6)


class WatchMetrics(VerifyMetrics):
    """The metrics of a watcher, which checks again and again."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register all of them."""
        super().__init__(registry)
        self.lag = Gauge(
            "auditseal_verify_lag_seconds",
            "Seconds since the last clean check of the log began; before the first, since the watcher started.",
            _LOG,
            registry=registry,
        )
        self.scrub_period = Gauge(
            "auditseal_verify_scrub_period_seconds",
            "The setting: within so many seconds all blocks are checked again.",
            registry=registry,
        )
        self.runs = Counter("auditseal_verify_runs", "Checks of all logs, by result.", ("result",), registry=registry)
        self.duration = Histogram(
            "auditseal_verify_duration_seconds", "Duration of a check of all logs.", buckets=_SECONDS, registry=registry
        )
        self._verified: dict[Origin, float] = {}

    def begin(self, origins: tuple[Origin, ...], period: float) -> None:
        """Serve the lag of each log from now on, a zero for each result, and the scrub period in seconds."""
        started = time()
        for origin in origins:
            self._verified[origin] = started
            self.lag.labels(str(origin)).set_function(partial(self._lag_of, origin))
        for result in RESULTS:
            self.runs.labels(result)
        self.scrub_period.set(period)

    def show(self, report: Report, began: float) -> None:
        """Show the result of a check, as a check alone does, and count it."""
        super().show(report, began)
        self.runs.labels(result_of(report)).inc()
        self.duration.observe(report.seconds)
        for log in report.logs:
            if log.is_clean:
                self._verified[log.origin] = began

    def _lag_of(self, origin: Origin) -> float:
        return time() - self._verified[origin]


def _findings_of(report: Report) -> Mapping[Origin, Counts[Verdict]]:
    """Return the counts of each log's findings by verdict, also of logs that are expected and not pinned."""
    found: dict[Origin, Counts[Verdict]] = {log.origin: Counts(log.findings.counts) for log in report.logs}
    for finding in report.findings.kept:
        found.setdefault(finding.origin, Counts())[finding.verdict] += 1
    return found
