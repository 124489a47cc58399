"""What a run of verification answers: for each log and for all of them, as values and as one JSON object."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from auditseal_auditor.finding import MOST_KEPT, Finding, Findings
from auditseal_auditor.tally import Tally
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict

VERSION = 1


class Result(StrEnum):
    """What was shown of a log; none claims more than was checked."""

    OK = "OK"
    """Every byte of it, from its first block on."""
    QUICK_OK = "QUICK_OK"
    """Every header, link between blocks, signature and stored byte; no record was hashed again."""
    CHAIN_OK = "CHAIN_OK"
    """Every byte from the start on that the trust file pins."""
    QUICK_CHAIN_OK = "QUICK_CHAIN_OK"
    """The same as QUICK_OK, from the pinned start on."""
    FAILED = "FAILED"
    """Something is wrong with it: the findings say what."""
    UNKNOWN = "UNKNOWN"
    """The store could not be read to the end."""


@dataclass(frozen=True, slots=True)
class LogReport:
    """What was seen of one log.

    Attributes:
        origin: The log.
        result: What was shown.
        tally: What was counted.
        findings: What is wrong.
        notices: What is worth knowing and no fault.
        error: Why the store could not be read to the end, empty where it could.
    """

    origin: Origin
    result: Result
    tally: Tally
    findings: Findings
    notices: tuple[str, ...] = ()
    error: str = ""

    @property
    def is_clean(self) -> bool:
        """Whether all that was to be checked of the log was, and held."""
        return self.result not in {Result.FAILED, Result.UNKNOWN}

    def with_finding(self, finding: Finding) -> Self:
        """Return the log's part with a further finding."""
        return replace(self, result=Result.FAILED, findings=_joined(self.findings, finding))

    @property
    def head(self) -> Note | None:
        """The note of the last linked block."""
        return self.tally.note

    def to_json(self) -> dict[str, Any]:
        """Return the log's part of the answer."""
        tally = self.tally
        return {
            "origin": str(self.origin),
            "result": self.result.value,
            "blocks": tally.blocks,
            "records": tally.records,
            "bytes": tally.bytes,
            "first_height": tally.first.height if tally.first else None,
            "first_offset": tally.first.first_offset if tally.first else None,
            "last_offset": tally.last.last_offset if tally.last else None,
            "last_sealed_at": tally.last.sealed_at if tally.last else None,
            "gaps": {"ranges": tally.gaps, "offsets": tally.gap_offsets},
            "head": _head_to_json(self.head),
            "findings": [finding.to_json() for finding in self.findings.kept],
            "finding_counts": _counts_to_json(self.findings),
            "notices": list(self.notices),
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What was seen of all logs that were to be verified.

    Attributes:
        vault: The vault's URL.
        quick: No record was hashed again.
        anchor: What stands outside the vault and was compared: `none`, or `state FILE (n heads)`.
        logs: The logs, in the trust file's order.
        findings: What belongs to no pinned log.
        notices: What is worth knowing and no fault.
        seconds: How long it took.
        failures: What could not be kept of it: the memory, the proof of a fork.
    """

    vault: str
    quick: bool
    anchor: str
    logs: tuple[LogReport, ...]
    findings: Findings
    notices: tuple[str, ...]
    seconds: float
    failures: tuple[str, ...] = ()

    def with_findings(self, found: Iterable[Finding]) -> Self:
        """Return the report with further findings, each in its log's part: that log has failed."""
        report = self
        for finding in found:
            report = report._with_finding(finding)
        return report

    def _with_finding(self, finding: Finding) -> Self:
        logs = tuple(log.with_finding(finding) if log.origin == finding.origin else log for log in self.logs)
        if logs == self.logs:
            return replace(self, findings=_joined(self.findings, finding))
        return replace(self, logs=logs)

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
        """The worst verdict's code; 1 where nothing was found but not all could be read, or kept; else 0."""
        if self.worst:
            return self.worst.exit_code
        return 1 if self.errors or self.failures else 0

    def to_json(self) -> dict[str, Any]:
        """Return the answer as one object, which docs/reference/verify.md describes."""
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
            "blocks": sum(log.tally.blocks for log in self.logs),
            "records": sum(log.tally.records for log in self.logs),
            "bytes": sum(log.tally.bytes for log in self.logs),
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


def _counts_to_json(findings: Findings) -> dict[str, int]:
    return {verdict.value: findings.counts[verdict] for verdict in Verdict if findings.counts[verdict]}
