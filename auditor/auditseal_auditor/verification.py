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
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.hold_case import HoldCase, active_holds
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from auditseal_vault.errors import UnreadableObjectError
from auditseal_vault.hold_records import has_records, read_cases


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
        self._failures: list[str] = []
        self._cases: tuple[HoldCase, ...] = ()

    def run(self) -> Report:
        """Verify every pinned log.

        Later runs of a partition are checked before earlier ones, since they claim where those ended.

        Raises:
            CheckProcessError: A process that checks blocks died. A store that can't be read is part of the report.
        """
        began = monotonic()
        logs = self._request.trust.logs
        self._cases = self._read_cases()
        cases = [*self._cases, *self._lost_cases()]
        holds = active_holds(cases) if self._pool.reader.enforces_worm else {}
        for pinned in sorted(logs, key=lambda log: -log.origin.run):
            sizes = [claim.size for claim in self._claims.get(pinned.origin, ())]
            run = self._runs[pinned.origin] = LogRun(
                pinned, self._request, self._pool, sizes, holds.get(pinned.origin, {})
            )
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
            failures=tuple(self._failures),
            cases=self._cases,
        )

    def _read_cases(self) -> tuple[HoldCase, ...]:
        """Return the cases of legal holds that people of the trust file signed. What can't be read is a failure."""
        people = self._request.trust.people
        try:
            read = list(read_cases(self._pool.reader, people)) if people else []
        except (UnavailableError, UnreadableObjectError) as error:
            self._failures.append(f"the records of legal holds can't be read: {error}")
            return ()
        self._failures += [each.problem for each in read if each.problem]
        return tuple(each.case for each in read)

    def _lost_cases(self) -> Iterator[HoldCase]:
        """Yield the known cases with statements that the vault lacks, each of which is a failure."""
        stored = {case.name: case for case in self._cases}
        for known in self._request.cases:
            if not stored.get(known.name, HoldCase(known.name)).continues(known):
                lost = f"statements of the case {known.name} that a copy has are not in {self._pool.reader.url}"
                self._failures.append(f"{lost}: someone removed or replaced records of legal holds")
                yield known

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
            yield from self._unknown_holds()
        for origin in request.heads:
            if origin not in self._runs:
                yield f"a head of {origin} is remembered, which the trust file doesn't pin: it was not verified"

    def _unknown_holds(self) -> Iterator[str]:
        """Yield a notice if there are records of holds, and the trust file names no person who may sign them."""
        reader = self._pool.reader
        if self._request.trust.people or not reader.enforces_worm:
            return
        try:
            if has_records(reader):
                yield "the vault has records of legal holds, which were not checked: the trust file names no person"
        except UnavailableError as error:
            yield f"it is not known whether the vault has records of legal holds: {error}"
