"""The results of checks that are worth an audit event: few, however many blocks are checked.

An event makes a new block, which the watcher verifies. If each check were recorded, watching the log of these events
would never come to rest. So a log's result is recorded when the watcher starts, when the verdict changes, and when a
whole pass over its blocks has ended. A store that does not answer gives no verdict, and changes none. A single run
is another matter: each of its logs has a result, which is unknown where the store did not answer.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from auditseal_auditor.report import LogReport, Report
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import quoted
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Actor, Outcome, Reason, Resource
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict

UNREAD = "UNREAD"
"""The code of the reason of an unknown result: the log could not be read to its end."""


class Cause(StrEnum):
    """Why a result is recorded."""

    FIRST = "first"
    """It is the first one of this log since the start."""
    CHANGED = "changed"
    """The verdict is another one than before."""
    SCRUB = "scrub"
    """A whole pass over the log's older blocks has ended."""
    RUN = "run"
    """A run of `auditseal verify` has ended, which records each result."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of a check of one log.

    Attributes:
        origin: The log.
        verdict: The worst verdict; None without a finding.
        cause: Why it is recorded.
        head: The largest verified head; None if the log is not clean.
        unread: Why the log could not be read to its end; empty if it could.
    """

    origin: Origin
    verdict: Verdict | None
    cause: Cause
    head: Checkpoint | None
    unread: str = ""

    @property
    def outcome(self) -> Outcome:
        """How the check ended: SUCCESS only if the whole log was read, and is clean."""
        if self.verdict:
            return Outcome.FAILURE
        return Outcome.UNKNOWN if self.unread else Outcome.SUCCESS

    @property
    def reason(self) -> Reason | None:
        """Why the outcome is not SUCCESS."""
        if self.verdict:
            return Reason(code=self.verdict)
        return Reason(code=UNREAD, text=quoted(self.unread)) if self.unread else None


def run_results(report: Report) -> Iterator[CheckResult]:
    """Yield the result of each log of a run: the pinned ones, and those that were expected and are not pinned."""
    for log in report.logs:
        yield _result(log, Cause.RUN)
    for finding in report.findings.kept:
        yield CheckResult(finding.origin, finding.verdict, Cause.RUN, None)


def check_event(result: CheckResult, vault: str, service: str) -> EventFields:
    """Return the audit event of a result.

    Args:
        result: The result.
        vault: The URL of the vault.
        service: Who verified, which is the actor.
    """
    verdict = result.verdict or ("unknown" if result.unread else "clean")
    attributes = {"vault": vault, "cause": result.cause.value, "verdict": verdict}
    if result.head:
        attributes |= {"head_size": str(result.head.size), "head_root": result.head.root.hex()}
    return {
        "actor": Actor("daemon", service),
        "action": "auditseal.verify.completed",
        "resources": [Resource("log", str(result.origin))],
        "outcome": result.outcome,
        "reason": result.reason,
        "attributes": attributes,
    }


_Known: TypeAlias = tuple[Verdict | None, int | None]
"""A log's verdict, and when the last whole pass over it ended, in µs since the epoch."""


class ResultNews:
    """Finds the results worth an event, check after check."""

    def __init__(self) -> None:
        self._known: dict[Origin, _Known] = {}

    def of(self, report: Report) -> Iterator[CheckResult]:
        """Yield the results of a report that are worth an event."""
        for log in _verified_logs(report):
            if cause := self._cause(log):
                yield _result(log, cause)

    def _cause(self, log: LogReport) -> Cause | None:
        """Return why a log's result is worth an event, None if it is not, and remember the result."""
        head, verdict = log.remembered, log.findings.worst
        before = self._known.get(log.origin)
        ended = head.scrub.ended_at if head and head.scrub else before and before[1]
        self._known[log.origin] = verdict, ended
        if before is None:
            return Cause.FIRST
        if verdict is not before[0]:
            return Cause.CHANGED
        return Cause.SCRUB if ended != before[1] else None


def _verified_logs(report: Report) -> Iterator[LogReport]:
    """Yield the logs that have a result: a log that could not be read, and has no finding, does not."""
    return (log for log in report.logs if log.is_clean or log.findings.worst)


def _result(log: LogReport, cause: Cause) -> CheckResult:
    head = log.remembered.checkpoint if log.remembered else None
    return CheckResult(log.origin, log.findings.worst, cause, head, log.error)
