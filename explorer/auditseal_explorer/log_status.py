"""One log as the page on health shows it: its head, how old that is, the end of its lock, and the last verdict."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from auditseal_auditor.blocks.block_json import time_text
from auditseal_auditor.findings import Finding
from auditseal_auditor.report import LogReport, Result
from auditseal_explorer.checker import Checked
from auditseal_explorer.errors import shown_problem
from auditseal_explorer.sources import Sources
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_search.manifest import read_manifest
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader, parse_in_place

_WORDS = {Result.FAILED: "FAILED", Result.UNKNOWN: "not read to the end"}


@dataclass(frozen=True, slots=True)
class LogStatus:
    """The state of one log.

    Attributes:
        origin: The log.
        size: Its blocks in the vault.
        sealed: When the last of them was sealed, RFC 3339; empty before the first.
        offset: The last sealed Kafka offset; None before the first block.
        root: The root of the tree of its headers, as the last block has it; empty before the first.
        locked_until: When the lock of the last block ends, RFC 3339; empty where the store has no locks.
        indexed: How many blocks the index has; None without an index.
        report: The log's part of the last verification; None before the first ended.
        problem: Why the log can't be read; empty where it can.
    """

    origin: Origin
    size: int = 0
    sealed: str = ""
    offset: int | None = None
    root: str = ""
    locked_until: str = ""
    indexed: int | None = None
    report: LogReport | None = None
    problem: str = ""

    @property
    def findings(self) -> list[Finding]:
        """The findings of the last verification."""
        return list(self.report.findings.kept) if self.report else []

    @property
    def result(self) -> str:
        """The result of the last verification, in a word."""
        if self.report is None:
            return "not verified yet"
        return "verified" if self.report.is_clean else _WORDS[self.report.result]

    def to_json(self) -> Mapping[str, Any]:
        """Return what `json.dumps` takes."""
        return {
            "origin": str(self.origin),
            "size": self.size,
            "sealed": self.sealed,
            "offset": self.offset,
            "root": self.root,
            "locked_until": self.locked_until,
            "indexed": self.indexed,
            "result": self.result,
            "findings": [finding.to_json() for finding in self.findings],
            "problem": self.problem,
        }


def read_statuses(sources: Sources, checked: Checked) -> list[LogStatus]:
    """Return the state of every pinned log. A log that can't be read says why."""
    with sources.reading() as pool:
        return [_read_status(sources, pool.vault, log, checked.report_of(log.origin)) for log in sources.trust.logs]


def _read_status(sources: Sources, vault: VaultReader, pinned: PinnedLog, report: LogReport | None) -> LogStatus:
    origin = pinned.origin
    try:
        indexed = read_manifest(sources.index, pinned).size if sources.index else None
        head = LogReader(vault, origin).head()
        if head is None:
            return LogStatus(origin, indexed=indexed, report=report)
        block, lock = parse_in_place(head, origin), _locked_until(vault, head.key, head.version_id)
    except AuditsealError as error:
        return LogStatus(origin, report=report, problem=shown_problem(error))
    return LogStatus(
        origin,
        size=head.height + 1,
        sealed=time_text(block.header.sealed_at) or "",
        offset=block.header.last_offset,
        root=block.checkpoint.root.hex(),
        locked_until=lock,
        indexed=indexed,
        report=report,
    )


def _locked_until(vault: VaultReader, key: str, version_id: str) -> str:
    if not vault.enforces_worm:
        return ""
    lock = vault.retention(key, version_id)
    return _second(lock.retain_until) if lock else "no lock"


def _second(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
