"""The auditor's verdict on a vault."""

from functools import partial
from typing import Any

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.report import Report
from auditseal_auditor.request import Request
from auditseal_auditor.verification import Verification
from auditseal_schemas.trust import Trust
from tests.factory.vaults import MemoryVault, make_trust


def audit(vault: MemoryVault, trust: Trust | None = None, *, jobs: int = 1, **request: Any) -> Report:
    """Verify a vault; a small one never leaves this process."""
    with CheckPool(partial(_same, vault), jobs) as pool:
        return Verification(Request(trust or make_trust(), **request), pool).run()


def _same(vault: MemoryVault) -> MemoryVault:
    return vault


def places(report: Report) -> list[tuple[Any, ...]]:
    """Return of each finding what names its place: verdict, partition, height, offset, field."""
    return [
        (finding.verdict, finding.origin.partition, finding.height, finding.offset, finding.field)
        for finding in report.kept_findings
    ]
