"""The news in a check, compared with the check before: a fault that lasts is logged once, not every few seconds."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from auditseal_auditor.findings import Finding
from auditseal_auditor.report import Report
from auditseal_auditor.report_text import describe, printable

MOST_LOGGED = 20
"""New findings of one check that are logged whole. The metrics count all of them."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a check said: findings, problems and notices, each as a line of the log under what identifies it.

    The lines themselves may differ from one check to the next, by an age for example.
    """

    findings: Mapping[Hashable, str] = field(default_factory=dict)
    problems: Mapping[Hashable, str] = field(default_factory=dict)
    notices: Mapping[Hashable, str] = field(default_factory=dict)

    @classmethod
    def of(cls, report: Report) -> Self:
        """Return what a report says."""
        return cls(
            {_place(found): describe(found) for found in report.kept_findings},
            {log.origin: printable(log.error) for log in report.logs if log.error}
            | {number: printable(failure) for number, failure in enumerate(report.failures)},
            {notice: printable(notice) for notice in report.notices},
        )


def log_news(log: Any, before: Told, report: Report) -> Told:
    """Log what is new in a report, and return all that it says.

    Args:
        log: A logger of structlog.
        before: What the check before said.
        report: The new report.
    """
    now = Told.of(report)
    findings = _new(before.findings, now.findings)
    for finding in findings[:MOST_LOGGED]:
        log.critical("finding", finding=finding)
    if len(findings) > MOST_LOGGED:
        log.critical("more findings: run auditseal verify for all of them", omitted=len(findings) - MOST_LOGGED)
    for problem in _new(before.problems, now.problems):
        log.warning("the check is not complete, trying again", problem=problem)
    for notice in _new(before.notices, now.notices):
        log.info("notice", notice=notice)
    if report.exit_code == 0 and (before.findings or before.problems):
        log.warning("everything holds again", findings=len(before.findings), problems=len(before.problems))
    return now


def _place(finding: Finding) -> Hashable:
    """Return what identifies a finding from one check to the next."""
    return finding.verdict, finding.origin, finding.height, finding.offset, finding.field, finding.version_id


def _new(before: Mapping[Hashable, str], now: Mapping[Hashable, str]) -> list[str]:
    return [line for name, line in now.items() if name not in before]
