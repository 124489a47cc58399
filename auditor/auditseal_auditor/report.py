"""The result of a run of verification, for each log and for all of them, as values and as one JSON object."""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from auditseal_auditor.findings import MOST_KEPT, AtRest, Counts, Finding, Findings
from auditseal_auditor.log_progress import Portion
from auditseal_auditor.state.heads import Head
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.hold_case import HoldCase
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict

VERSION = 1


class Result(StrEnum):
    """The result for a log. Each claims only what was checked."""

    OK = "OK"
    """Every byte of it, from its first block on."""
    QUICK_OK = "QUICK_OK"
    """Every header, link between blocks, signature and stored byte; no record was hashed again."""
    CHAIN_OK = "CHAIN_OK"
    """Every byte from the start that the trust file pins."""
    QUICK_CHAIN_OK = "QUICK_CHAIN_OK"
    """The same as QUICK_OK, from the pinned start on."""
    CONTINUED_OK = "CONTINUED_OK"
    """Every byte from the remembered head on. Earlier runs verified the blocks below, which were not read again."""
    QUICK_CONTINUED_OK = "QUICK_CONTINUED_OK"
    """The same as QUICK_OK, from the remembered head on."""
    FAILED = "FAILED"
    """The log has findings."""
    UNKNOWN = "UNKNOWN"
    """The store could not be read to the end."""


@dataclass(frozen=True, slots=True)
class LogReport:
    """The result for one log.

    Attributes:
        origin: The log.
        result: What the check shows.
        counts: The counts of the check.
        findings: The faults.
        notices: Remarks that are not faults.
        error: Why the store could not be read to the end, empty where it could.
        continued_from: The size of the remembered head that the check continued from; None where it began at the
            beginning.
        portion: The older blocks that were checked again; None where no pass over them was asked for.
        remembered: The head to remember; None where there is none, or the log isn't clean.
    """

    origin: Origin
    result: Result
    counts: Counts
    findings: Findings
    notices: tuple[str, ...] = ()
    error: str = ""
    continued_from: int | None = None
    portion: Portion | None = None
    remembered: Head | None = None

    @property
    def is_clean(self) -> bool:
        """Whether everything of the log was checked and holds."""
        return self.result not in {Result.FAILED, Result.UNKNOWN}

    def with_finding(self, finding: Finding) -> Self:
        """Return the log's result with a further finding."""
        return replace(self, result=Result.FAILED, findings=_joined(self.findings, finding))

    @property
    def head(self) -> Note | None:
        """The note of the last linked block."""
        return self.counts.note

    def to_json(self) -> dict[str, Any]:
        """Return the log's part of the JSON object."""
        counts = self.counts
        return {
            "origin": str(self.origin),
            "result": self.result.value,
            "blocks": counts.blocks,
            "records": counts.records,
            "bytes": counts.bytes,
            "first_height": counts.first.height if counts.first else None,
            "first_offset": counts.first.first_offset if counts.first else None,
            "last_offset": counts.last.last_offset if counts.last else None,
            "last_sealed_at": counts.last.sealed_at if counts.last else None,
            "gaps": {"ranges": counts.gaps, "offsets": counts.gap_offsets},
            "encryption": {kind.value: counts.at_rest[kind] for kind in AtRest if counts.at_rest[kind]},
            "held": counts.held,
            "head": _head_to_json(self.head),
            "findings": [finding.to_json() for finding in self.findings.kept],
            "finding_counts": _counts_to_json(self.findings),
            "notices": list(self.notices),
            "error": self.error,
            "continued_from": self.continued_from,
            "scrub": self.portion and _portion_to_json(self.portion),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """The result for all logs.

    Attributes:
        vault: The vault's URL.
        quick: No record was hashed again.
        anchor: The memory outside the vault that was compared: `none`, or `state FILE (n heads)`.
        logs: The logs, in the trust file's order.
        findings: Findings that belong to no pinned log.
        notices: Remarks that are not faults.
        seconds: How long it took.
        failures: Why the state file or the proof of a fork could not be written, or a record of holds not be read.
        cases: The cases of legal holds, with their valid statements.
    """

    vault: str
    quick: bool
    anchor: str
    logs: tuple[LogReport, ...]
    findings: Findings
    notices: tuple[str, ...]
    seconds: float
    failures: tuple[str, ...] = ()
    cases: tuple[HoldCase, ...] = ()

    def with_findings(self, found: Iterable[Finding]) -> Self:
        """Return the report with further findings, each in its log's part, whose result is then FAILED."""
        report = self
        for finding in found:
            report = report._with_finding(finding)
        return report

    def _with_finding(self, finding: Finding) -> Self:
        logs = tuple(log.with_finding(finding) if log.origin == finding.origin else log for log in self.logs)
        if logs == self.logs:
            return replace(self, findings=_joined(self.findings, finding))
        return replace(self, logs=logs)

    def heads_after(self, heads: Mapping[Origin, Head]) -> dict[Origin, Head]:
        """Return the heads to remember after the run: the new one of each log without a finding.

        A log that is shorter than its remembered head isn't clean, so no head ever gets smaller.
        """
        return {**heads, **{log.origin: log.remembered for log in self.logs if log.is_clean and log.remembered}}

    @property
    def kept_findings(self) -> list[Finding]:
        """All findings that are kept whole."""
        return [*self.findings.kept, *(finding for log in self.logs for finding in log.findings.kept)]

    @property
    def finding_count(self) -> int:
        """The number of all findings."""
        return len(self.findings) + sum(len(log.findings) for log in self.logs)

    @property
    def worst(self) -> Verdict | None:
        """The worst verdict of all, None where there is no finding."""
        verdicts = [found.worst for found in (self.findings, *(log.findings for log in self.logs)) if found.worst]
        return max(verdicts, key=lambda verdict: verdict.exit_code, default=None)

    @property
    def errors(self) -> list[str]:
        """Why logs could not be read to their ends."""
        return [log.error for log in self.logs if log.error]

    @property
    def exit_code(self) -> int:
        """The worst verdict's code. Without a finding, 1 where something could not be read or written, else 0."""
        if self.worst:
            return self.worst.exit_code
        return 1 if self.errors or self.failures else 0

    def to_json(self) -> dict[str, Any]:
        """Return the report as one object, which docs/reference/verify.md describes."""
        return {
            "version": VERSION,
            "ok": self.exit_code == 0,
            "exit_code": self.exit_code,
            "mode": "quick" if self.quick else "full",
            "vault": self.vault,
            "anchor": self.anchor,
            "logs": [log.to_json() for log in self.logs],
            "findings": [finding.to_json() for finding in self.findings.kept],
            "finding_count": self.finding_count,
            "blocks": sum(log.counts.blocks for log in self.logs),
            "records": sum(log.counts.records for log in self.logs),
            "bytes": sum(log.counts.bytes for log in self.logs),
            "notices": list(self.notices),
            "errors": [*self.errors, *self.failures],
            "seconds": round(self.seconds, 3),
        }


def _joined(findings: Findings, finding: Finding) -> Findings:
    joined = Findings()
    joined.add(finding)
    joined.kept += findings.kept[: MOST_KEPT - 1]
    joined.counts.update(findings.counts)
    joined.sort()
    return joined


def _head_to_json(note: Note | None) -> dict[str, Any] | None:
    if note is None:
        return None
    checkpoint = Checkpoint.parse(note.text)
    return {"size": checkpoint.size, "root": b64encode(checkpoint.root).decode(), "note": note.format().decode()}


def _portion_to_json(portion: Portion) -> dict[str, Any]:
    return {
        "first_height": portion.start.height,
        "end_height": portion.end,
        "size": portion.size,
        "began_at": portion.scrub.began_at,
        "last_ended_at": portion.scrub.ended_at,
    }


def _counts_to_json(findings: Findings) -> dict[str, int]:
    return {verdict.value: findings.counts[verdict] for verdict in Verdict if findings.counts[verdict]}
