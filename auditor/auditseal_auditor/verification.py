"""One run of verification: every pinned log is checked, compared and reported."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.comparison import PredecessorClaim, claim_of, compare_claims, compare_log, compare_partitions
from auditseal_auditor.findings import Finding, Findings
from auditseal_auditor.heads import Head
from auditseal_auditor.listing import ListedKey, has_objects, list_keys
from auditseal_auditor.log_check import LogCheck, Requirements
from auditseal_auditor.report import Counts, LogReport, Report, Result
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
from auditseal_vault.errors import UnreadableObjectError

OnProgress = Callable[[Origin, Counts], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What to verify, and how.

    Attributes:
        trust: The trust file.
        quick: Check the stored bytes only; hash no record again.
        heads: The remembered heads.
        memory: Where they come from, in the words of the report; empty where nothing is remembered.
        expected: Logs that must exist, whether or not the trust file pins them.
        oldest: The oldest `sealed_at`, in µs since the epoch, that the last block of a log may have; None for any.
        notices: The caller's remarks, which the report repeats.
    """

    trust: Trust
    quick: bool = False
    heads: Mapping[Origin, Head] = field(default_factory=dict)
    memory: str = ""
    expected: tuple[Origin, ...] = ()
    oldest: int | None = None
    notices: tuple[str, ...] = ()


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
        self._checks: dict[Origin, LogCheck] = {}
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
            self._check_log(pinned)
        whole = {origin: check for origin, check in self._checks.items() if check.is_whole}
        for pinned in logs:
            if pinned.origin in whole:
                head = self._request.heads.get(pinned.origin)
                compare_log(pinned, whole[pinned.origin], head, self._request.oldest)
        compare_claims(whole, self._claims)
        compare_partitions(self._checks)
        return Report(
            vault=self._pool.reader.url,
            quick=self._request.quick,
            anchor=self._anchor(whole),
            logs=tuple(self._report(pinned) for pinned in logs),
            findings=self._expected_unpinned(),
            notices=tuple(self._notices()),
            seconds=monotonic() - began,
        )

    def _check_log(self, pinned: PinnedLog) -> None:
        origin = pinned.origin
        check = self._checks[origin] = LogCheck(pinned, self._requirements(origin))
        try:
            for listed, checked in self._pool.check(self._keys(pinned), quick=self._request.quick):
                check.add(listed, checked)
                self._on_progress(origin, check.counts)
            check.finish()
        except UnreadableObjectError as error:
            check.finish_unreadable(str(error))
        except UnavailableError as error:
            check.stop(str(error))
        claim = claim_of(check)
        if claim:
            self._claims.setdefault(claim.predecessor, []).append(claim)

    def _requirements(self, origin: Origin) -> Requirements:
        head = self._request.heads.get(origin)
        known_size = head.checkpoint.size if head else 0
        return Requirements(
            locks=self._pool.reader.enforces_worm,
            retention_days=self._request.trust.retention_days,
            known_size=known_size,
            sizes={known_size, *(claim.size for claim in self._claims.get(origin, ()))},
        )

    def _keys(self, pinned: PinnedLog) -> Iterator[ListedKey]:
        """Yield the keys of a log to check; block keys below its start are not looked at."""
        start = pinned.start.height if pinned.start else 0
        for listed in list_keys(self._pool.reader, pinned.origin):
            if listed.height is None or listed.height >= start:
                yield listed

    def _report(self, pinned: PinnedLog) -> LogReport:
        check = self._checks[pinned.origin]
        check.findings.sort()
        notices = (*check.notices, *self._first_verified(pinned))
        result = self._result(pinned, check)
        return LogReport(pinned.origin, result, check.counts, check.findings, notices, check.error)

    def _result(self, pinned: PinnedLog, check: LogCheck) -> Result:
        if check.findings:
            return Result.FAILED
        if check.error:
            return Result.UNKNOWN
        if pinned.start:
            return Result.QUICK_CHAIN_OK if self._request.quick else Result.CHAIN_OK
        return Result.QUICK_OK if self._request.quick else Result.OK

    def _first_verified(self, pinned: PinnedLog) -> Iterator[str]:
        """Yield a notice where heads are remembered, and none of this log."""
        if self._request.memory and pinned.origin not in self._request.heads:
            yield "first seen: no head of it was remembered, so a tail that was cut off can't be noticed"

    def _anchor(self, read: Collection[Origin]) -> str:
        """Return what the logs that could be read were compared with; `none` where there was nothing."""
        compared = sum(log.origin in read and self._is_compared(log) for log in self._request.trust.logs)
        if compared == 0:
            return "none"
        return f"{self._request.memory} ({compared} {'head' if compared == 1 else 'heads'})"

    def _is_compared(self, pinned: PinnedLog) -> bool:
        """Return whether a head of the log is remembered that isn't below its start."""
        head, start = self._request.heads.get(pinned.origin), pinned.start
        return head is not None and (start is None or head.checkpoint.size >= start.height)

    def _expected_unpinned(self) -> Findings:
        """Return a finding for each expected log that the trust file doesn't pin: nothing of it can be verified."""
        findings = Findings()
        for origin in self._request.expected:
            if origin not in self._checks:
                problem = "it is expected, and the trust file pins no key of it: add its log line"
                findings.add(
                    Finding(verdict=Verdict.MISSING_LOG, origin=origin, height=None, field="origin", detail=problem)
                )
        return findings

    def _notices(self) -> Iterator[str]:
        request, reader = self._request, self._pool.reader
        yield from request.notices
        if not reader.enforces_worm:
            yield "this store has no versions and no locks: it is tamper-evident, not WORM"
        yield from self._later_runs()
        for origin in request.heads:
            if origin not in self._checks:
                yield f"a head of {origin} is remembered, which the trust file doesn't pin: it was not verified"

    def _later_runs(self) -> Iterator[str]:
        """Yield a notice for each partition whose last pinned run seems to be over."""
        last = {(at.cluster, at.topic, at.partition): at for at in sorted(self._checks, key=lambda at: at.run)}
        for origin in last.values():
            following = f"{origin.cluster}/{origin.topic}/{origin.partition}/{origin.run + 1}"
            try:
                if self._checks[origin].is_whole and has_objects(self._pool.reader, following):
                    yield f"there are objects of {following}, which the trust file doesn't pin: it was not verified"
            except (UnavailableError, UnreadableObjectError) as error:
                yield f"it is not known whether {origin} went on as {following}: {error}"
