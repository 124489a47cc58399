"""Verification of a vault: every pinned log walked and judged."""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from time import monotonic

from auditseal_auditor.examine import Task
from auditseal_auditor.examiner import Examiner, Todo
from auditseal_auditor.finding import Finding, Findings
from auditseal_auditor.heads import Head
from auditseal_auditor.inventory import is_begun, list_slots
from auditseal_auditor.judge import Claim, claim_of, judge_claims, judge_log, judge_partitions
from auditseal_auditor.report import LogReport, Report, Result
from auditseal_auditor.tally import Tally
from auditseal_auditor.walk import Demands, LogWalk
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict

OnProgress = Callable[[Origin, Tally], None]


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be verified, and how.

    Attributes:
        trust: The trust file.
        quick: Stop at the stored bytes; hash no record again.
        heads: The remembered heads.
        memory: Where they come from, as the report says it; empty where nothing is remembered.
        expected: Logs that must be there, whether or not the trust file pins them.
        oldest: The oldest `sealed_at`, in µs since the epoch, that the last block of a log may have; None for any.
        notices: What the caller wants told along with the answer.
    """

    trust: Trust
    quick: bool = False
    heads: Mapping[Origin, Head] = field(default_factory=dict)
    memory: str = ""
    expected: tuple[Origin, ...] = ()
    oldest: int | None = None
    notices: tuple[str, ...] = ()


class Audit:
    """One run of verification.

    Args:
        request: What is to be verified.
        examiner: The vault.
        on_progress: Told after each object how far its log's walk has come.
    """

    def __init__(self, request: Request, examiner: Examiner, on_progress: OnProgress = lambda _origin, _tally: None):
        self._request, self._examiner, self._on_progress = request, examiner, on_progress
        self._walks: dict[Origin, LogWalk] = {}
        self._errors: dict[Origin, str] = {}
        self._claims: dict[Origin, list[Claim]] = {}

    def run(self) -> Report:
        """Verify every pinned log.

        Later runs of a partition are walked before earlier ones, since they say where those ended.

        Raises:
            AuditsealError: A process that checks blocks died. A store that can't be read is told in the report.
        """
        began = monotonic()
        logs = self._request.trust.logs
        for pinned in sorted(logs, key=lambda log: -log.origin.run):
            self._walk(pinned)
        whole = {origin: walk for origin, walk in self._walks.items() if origin not in self._errors}
        for pinned in logs:
            if pinned.origin in whole:
                judge_log(pinned, whole[pinned.origin], self._request.heads.get(pinned.origin), self._request.oldest)
        judge_claims(whole, self._claims)
        judge_partitions(self._walks)
        return Report(
            vault=self._examiner.reader.url,
            quick=self._request.quick,
            anchor=self._anchor(whole),
            logs=tuple(self._report(pinned) for pinned in logs),
            findings=self._unpinned(),
            notices=tuple(self._notices()),
            seconds=monotonic() - began,
        )

    def _walk(self, pinned: PinnedLog) -> None:
        origin = pinned.origin
        walk = self._walks[origin] = LogWalk(pinned, self._demands(origin))
        try:
            for slot, examined in self._examiner.examine(self._todo(pinned)):
                walk.take(slot, examined)
                self._on_progress(origin, walk.tally)
            walk.finish()
        except UnavailableError as error:
            self._errors[origin] = str(error)
        claim = claim_of(walk)
        if claim:
            self._claims.setdefault(claim.predecessor, []).append(claim)

    def _demands(self, origin: Origin) -> Demands:
        head = self._request.heads.get(origin)
        settled = head.checkpoint.size if head else 0
        return Demands(
            locks=self._examiner.reader.enforces_worm,
            retention_days=self._request.trust.retention_days,
            settled=settled,
            sizes={settled, *(claim.size for claim in self._claims.get(origin, ()))},
        )

    def _todo(self, pinned: PinnedLog) -> Iterator[Todo]:
        """Yield what is to be examined of a log; objects below its start are not looked at."""
        start = pinned.start.height if pinned.start else 0
        for slot in list_slots(self._examiner.reader, pinned.origin):
            if slot.height is not None and slot.height < start:
                continue
            has_block = slot.height is not None and slot.version_ids
            yield slot, Task(slot.key, slot.version_ids, self._request.quick) if has_block else None

    def _report(self, pinned: PinnedLog) -> LogReport:
        walk, error = self._walks[pinned.origin], self._errors.get(pinned.origin, "")
        walk.findings.sort()
        notices = (*walk.notices, *self._first_seen(pinned))
        return LogReport(pinned.origin, self._result(pinned, walk, error), walk.tally, walk.findings, notices, error)

    def _result(self, pinned: PinnedLog, walk: LogWalk, error: str) -> Result:
        if walk.findings:
            return Result.FAILED
        if error:
            return Result.UNKNOWN
        if pinned.start:
            return Result.QUICK_CHAIN_OK if self._request.quick else Result.CHAIN_OK
        return Result.QUICK_OK if self._request.quick else Result.OK

    def _first_seen(self, pinned: PinnedLog) -> Iterator[str]:
        """Yield a notice where there is a memory, and nothing of this log in it."""
        if self._request.memory and pinned.origin not in self._request.heads:
            yield "first seen: no head of it was remembered, so a tail that was cut off can't be noticed"

    def _anchor(self, read: Collection[Origin]) -> str:
        """Return what the logs that could be read were compared with: `none` where that was nothing."""
        compared = sum(log.origin in read and self._is_compared(log) for log in self._request.trust.logs)
        if compared == 0:
            return "none"
        return f"{self._request.memory} ({compared} {'head' if compared == 1 else 'heads'})"

    def _is_compared(self, pinned: PinnedLog) -> bool:
        """Return whether a head of the log is remembered that doesn't lie below its start."""
        head, start = self._request.heads.get(pinned.origin), pinned.start
        return head is not None and (start is None or head.checkpoint.size >= start.height)

    def _unpinned(self) -> Findings:
        """Return a finding for each expected log that the trust file doesn't pin: nothing of it can be verified."""
        findings = Findings()
        for origin in self._request.expected:
            if origin not in self._walks:
                problem = "it is expected and the trust file pins no key of it: add its log line"
                findings.add(
                    Finding(verdict=Verdict.MISSING_LOG, origin=origin, height=None, field="origin", detail=problem)
                )
        return findings

    def _notices(self) -> Iterator[str]:
        request, reader = self._request, self._examiner.reader
        yield from request.notices
        if not reader.enforces_worm:
            yield "this store has no versions and no locks: it is tamper-evident, not WORM"
        yield from self._later_runs()
        for origin in request.heads:
            if origin not in self._walks:
                yield f"a head of {origin} is remembered, which the trust file doesn't pin: it was not verified"

    def _later_runs(self) -> Iterator[str]:
        """Yield a notice for each partition whose last pinned run seems to be over."""
        last = {(at.cluster, at.topic, at.partition): at for at in sorted(self._walks, key=lambda at: at.run)}
        for origin in last.values():
            following = f"{origin.cluster}/{origin.topic}/{origin.partition}/{origin.run + 1}"
            try:
                if origin not in self._errors and is_begun(self._examiner.reader, following):
                    yield f"there are objects of {following}, which the trust file doesn't pin: it was not verified"
            except UnavailableError as error:
                yield f"whether {origin} went on as {following} can't be told: {error}"
