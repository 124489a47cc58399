"""Verifies a vault again and again: each new block at the next look, all older blocks within the scrub period."""

import threading
from collections.abc import Callable
from time import time
from typing import Any

import structlog

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.findings import Counts
from auditseal_auditor.outcome import keep_outcome
from auditseal_auditor.report import Report
from auditseal_auditor.report_text import describe, printable, summary_line
from auditseal_auditor.state.heads import Head, merge_heads
from auditseal_auditor.state.state_file import begin_heads, read_heads
from auditseal_auditor.verification import Verification
from auditseal_daemon.telemetry import Health
from auditseal_schemas.origin import Origin
from auditseal_watch.config import WatchConfig
from auditseal_watch.metrics import WatchMetrics
from auditseal_watch.news import Told, log_news
from auditseal_watch.results import CheckResult, ResultNews

VERIFIED = "verified"
"""The condition of readiness: the last check found every log clean and complete."""


class Watcher:
    """Verifies all pinned logs at an interval. A finding never ends it: it shows the verdict and continues.

    Args:
        config: What to verify, and how often.
        pool: Checks the vault's objects.
        metrics: Shows the results.
        health: Where the condition `VERIFIED` is reported.
        is_first: Begin the state file; the first check remembers what it finds.
        on_result: Called with each result that is worth an audit event. It must not wait.
    """

    def __init__(
        self,
        config: WatchConfig,
        pool: CheckPool,
        metrics: WatchMetrics,
        health: Health,
        *,
        is_first: bool = False,
        on_result: Callable[[CheckResult], object] = lambda _: None,
    ) -> None:
        self._config, self._pool, self._metrics, self._health = config, pool, metrics, health
        self._is_first, self._told = is_first, Told()
        self._known: dict[Origin, Head] = {}
        self._on_result, self._results = on_result, ResultNews()
        self._log: Any = structlog.get_logger("auditseal.watch")

    def run(self, stop: threading.Event) -> None:
        """Check until `stop` is set.

        Raises:
            ConfigurationError: The state file is gone or broken. Without it a check would notice less.
            StateFileError: The state file can't be read.
            CheckProcessError: A process that checks blocks died.
        """
        pinned = tuple(log.origin for log in self._config.trust.logs)
        self._metrics.begin(pinned, self._config.scrub_period.total_seconds())
        try:
            while not stop.is_set():
                self._check(stop)
                stop.wait(self._config.every.total_seconds())
        except _StoppedError:
            self._log.info("a check was cut short by the end; the next start repeats it")

    def _check(self, stop: threading.Event) -> None:
        """Check once, remember the heads, and show the result."""

        def end_early(_origin: Origin, _counts: Counts) -> None:
            if stop.is_set():
                raise _StoppedError

        began, heads = time(), self._heads()
        verification = Verification(self._config.request(heads, int(began * 1_000_000)), self._pool, end_early)
        outcome = keep_outcome(
            verification.run(), heads, self._config.state_file, self._config.evidence, self._pool.reader
        )
        self._is_first = self._is_first and bool(outcome.report.failures)
        self._known = outcome.report.heads_after(heads)
        self._show(outcome.report, began)
        for result in self._results.of(outcome.report):
            self._on_result(result)
        for path in outcome.proofs:
            self._log.critical("the proof of a fork was written", path=str(path))

    def _heads(self) -> dict[Origin, Head]:
        """Return the remembered heads, read again for each check: other runs may share the file.

        Where an older file was put back, the heads of the last check count: a vault that was cut to fit it is noticed.
        """
        return merge_heads(self._known, (begin_heads if self._is_first else read_heads)(self._config.state_file))

    def _show(self, report: Report, began: float) -> None:
        self._metrics.show(report, began)
        self._told = log_news(self._log, self._told, report)
        if report.exit_code == 0:
            self._health.hold(VERIFIED)
            self._log.debug("verified", summary=summary_line(report))
        else:
            self._health.miss(VERIFIED, _reason(report))


def _reason(report: Report) -> str:
    """Return why a check did not show that everything holds: the worst finding, or else the first problem."""
    worst = [finding for finding in report.kept_findings if finding.verdict is report.worst]
    if report.worst:
        return f"{summary_line(report)}; {describe(worst[0])}" if worst else summary_line(report)
    return printable("; ".join([*report.errors, *report.failures]))


class _StoppedError(Exception):
    """The watcher must end while a check is under way."""
