"""One run of verification: every pinned log is checked, compared and reported."""

from collections.abc import Iterator
from time import monotonic

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.comparison import PredecessorClaim, claim_of, compare_claims, compare_partitions
from auditseal_auditor.findings import Finding, Findings
from auditseal_auditor.listing import unpinned_notices
from auditseal_auditor.log_run import LogRun, OnProgress
from auditseal_auditor.report import Report
from auditseal_auditor.request import Request
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict


class Verification:
    """One run of verification.

    Args:
        request: What to verify.
        pool: Checks the vault's objects.
        on_progress: Called after each object with the counts of its log so far.
    """

    def __init__(
        self, request: Request, pool: CheckPool, on_progress: OnProgress = lambda _origin, _counts: None
    ) -> None:
        self._request, self._pool, self._on_progress = request, pool, on_progress
        self._runs: dict[Origin, LogRun] = {}
        self._claims: dict[Origin, list[PredecessorClaim]] = {}

    def run(self) -> Report:
        """Verify every pinned log.

        Later runs of a partition are checked before earlier ones, since they claim where those ended.

        Raises:
            CheckProcessError: A process that checks blocks died. A store that can't be read is part of the report.
        """
        began = monotonic()
        logs = self._request.trust.logs
        for pinned in sorted(logs, key=lambda log: -log.origin.run):
            sizes = [claim.size for claim in self._claims.get(pinned.origin, ())]
            run = self._runs[pinned.origin] = LogRun(pinned, self._request, self._pool, sizes)
            run.read(self._on_progress)
            claim = claim_of(run.check)
            if claim:
                self._claims.setdefault(claim.predecessor, []).append(claim)
        self._compare()
        reports = tuple(self._runs[pinned.origin].report() for pinned in logs)
        return Report(
            vault=self._pool.reader.url,
            quick=self._request.quick,
            anchor=self._anchor(),
            logs=reports,
            findings=self._expected_unpinned(),
            notices=tuple(self._notices()),
            seconds=monotonic() - began,
        )

    def _compare(self) -> None:
        checks = {origin: run.check for origin, run in self._runs.items()}
        for pinned in self._request.trust.logs:
            self._runs[pinned.origin].compare()
        compare_claims(checks, self._claims)
        compare_partitions(checks)

    def _anchor(self) -> str:
        """Return what the logs that could be read were compared with; `none` where there was nothing."""
        compared = sum(self._is_compared(run) for run in self._runs.values())
        if compared == 0:
            return "none"
        return f"{self._request.memory} ({compared} {'head' if compared == 1 else 'heads'})"

    def _is_compared(self, run: LogRun) -> bool:
        """Return whether a log was read, and a head of it is remembered that isn't below its start."""
        head = self._request.heads.get(run.pinned.origin)
        return run.check.is_whole and head is not None and head.checkpoint.size >= run.check.start.height

    def _expected_unpinned(self) -> Findings:
        """Return a finding for each expected log that the trust file doesn't pin: nothing of it can be verified."""
        findings = Findings()
        for origin in self._request.expected:
            if origin not in self._runs:
                problem = "it is expected, and the trust file pins no key of it: add its log line"
                findings.add(
                    Finding(verdict=Verdict.MISSING_LOG, origin=origin, height=None, field="origin", detail=problem)
                )
        return findings

    def _notices(self) -> Iterator[str]:
        request, reader = self._request, self._pool.reader
        yield from request.notices
        if not reader.enforces_worm:
            yield "this store has no versions, locks or encryption: it is tamper-evident, not WORM"
        if all(run.check.is_whole for run in self._runs.values()):  # else the store was away a moment ago
            yield from unpinned_notices(reader, self._runs)
        for origin in request.heads:
            if origin not in self._runs:
                yield f"a head of {origin} is remembered, which the trust file doesn't pin: it was not verified"
