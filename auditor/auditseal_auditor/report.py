"""The result of a run of verification, for each log and for all of them, as values and as one JSON object."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from auditseal_auditor.findings import MOST_KEPT, Finding, Findings
from auditseal_schemas.block import Block
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.header import Header
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
    FAILED = "FAILED"
    """The log has findings."""
    UNKNOWN = "UNKNOWN"
    """The store could not be read to the end."""


@dataclass(slots=True)
class Counts:
    """Counts of one log.

    Attributes:
        objects: Objects read.
        bytes: Their bytes.
        parsed: Objects that are laid out as blocks, linked or not.
        blocks: Linked blocks: those that pass steps 1 to 6 of docs/reference/format.md, section 14.
        records: Records in them, as their headers say.
        gaps: Ranges of offsets without a record in them.
        gap_offsets: The offsets in those ranges.
        first: The header of the first linked block, None before one.
        last: The header of the last linked block.
        note: The note of the last linked block.
    """

    objects: int = 0
    bytes: int = 0
    parsed: int = 0
    blocks: int = 0
    records: int = 0
    gaps: int = 0
    gap_offsets: int = 0
    first: Header | None = None
    last: Header | None = None
    note: Note | None = None

    @property
    def size(self) -> int:
        """The size of the tree that the last linked block completes."""
        return self.last.height + 1 if self.last else 0

    def add_block(self, block: Block) -> None:
        """Count a linked block."""
        header = block.header
        self.blocks += 1
        self.records += header.count
        self.gaps += len(header.gaps)
        self.gap_offsets += sum(gap.last - gap.first + 1 for gap in header.gaps)
        self.first = self.first or header
        self.last, self.note = header, block.note


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
    """

    origin: Origin
    result: Result
    counts: Counts
    findings: Findings
    notices: tuple[str, ...] = ()
    error: str = ""

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
            "head": _head_to_json(self.head),
            "findings": [finding.to_json() for finding in self.findings.kept],
            "finding_counts": _counts_to_json(self.findings),
            "notices": list(self.notices),
            "error": self.error,
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
        failures: Why the state file or the proof of a fork could not be written.
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


def _counts_to_json(findings: Findings) -> dict[str, int]:
    return {verdict.value: findings.counts[verdict] for verdict in Verdict if findings.counts[verdict]}
