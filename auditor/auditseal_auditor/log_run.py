"""One log within a run of verification: which blocks of it are checked, the comparison of the whole, and its report."""

from collections.abc import Callable, Collection, Iterator, Mapping

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.comparison import compare_head, compare_log
from auditseal_auditor.findings import Counts
from auditseal_auditor.listing import list_keys
from auditseal_auditor.log_check import LogCheck, Requirements
from auditseal_auditor.log_progress import CheckStart, Portion, next_portion
from auditseal_auditor.report import LogReport, Result
from auditseal_auditor.request import Request
from auditseal_auditor.state.heads import Head, Resume, Scrub, conditions_of
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.hold_case import SignedHold
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_vault.errors import UnreadableObjectError
from auditseal_vault.head import head_height

OnProgress = Callable[[Origin, Counts], None]


class LogRun:
    """The verification of one log.

    Attributes:
        pinned: The log, as the trust file pins it.
        check: The check of its blocks: all of them, or those from the remembered head on.

    Args:
        pinned: The log, as the trust file pins it.
        request: What to verify.
        pool: Checks the vault's objects.
        sizes: The sizes of the tree at which another log claims the root.
        holds: The legal holds of its blocks that people signed, by height.
    """

    def __init__(
        self,
        pinned: PinnedLog,
        request: Request,
        pool: CheckPool,
        sizes: Collection[int],
        holds: Mapping[int, SignedHold],
    ) -> None:
        self.pinned = pinned
        self._request, self._pool, self._holds = request, pool, holds
        self._head = request.heads.get(pinned.origin)
        self._conditions = conditions_of(pinned, request.trust.retention_days, pool.reader.url)
        self._resume = self._valid_resume()
        start = CheckStart.continued(self._resume) if self._resume else CheckStart.pinned(pinned)
        self.check = LogCheck(start, self._requirements(sizes))
        self._portion = self._due_portion()
        self._scrub_check = LogCheck(self._portion.start, self._requirements(())) if self._portion else None

    def read(self, on_progress: OnProgress) -> None:
        """Read and check the blocks.

        Raises:
            CheckProcessError: A process that checks blocks died. A store that can't be read is part of the report.
        """
        with_end = self._read(self.check, None, on_progress)
        if with_end and self._resume and self.check.first_missing == self.check.start.height:
            self._find_end()
        if self._portion and self._scrub_check and self._portion.start.height < self._portion.end:
            self._read(self._scrub_check, self._portion.end, on_progress)
        for check in filter(None, (self.check, self._scrub_check)):
            self._check_holds(check)

    def compare(self) -> None:
        """Compare what was read with the remembered head and with the clock."""
        if self.check.is_whole:
            compare_log(self.check, self._head, self._request.oldest)
        if self._head and self._portion and self._scrub_check and self._scrub_check.is_whole and self._portion.is_last:
            compare_head(self._scrub_check, self._head)

    def report(self) -> LogReport:
        """Return the result."""
        error = self.check.error
        if self._scrub_check:
            self.check.findings.move_from(self._scrub_check.findings)
            self.check.notices += self._scrub_check.notices
            error = error or self._scrub_check.error
        self.check.findings.sort()
        result = self._result(error)
        return LogReport(
            self.pinned.origin,
            result,
            self.check.counts,
            self.check.findings,
            (*self.check.notices, *self._notices()),
            error,
            continued_from=self._resume.state.height if self._resume else None,
            portion=self._portion,
            remembered=self._remembered() if result not in {Result.FAILED, Result.UNKNOWN} else None,
        )

    def _valid_resume(self) -> Resume | None:
        """Return what the check can continue from; None where it begins at the beginning."""
        if not self._request.continued or self._head is None or self._head.resume is None:
            return None
        return self._head.resume if self._head.resume.conditions == self._conditions else None

    def _requirements(self, sizes: Collection[int]) -> Requirements:
        known_size = self._head.checkpoint.size if self._head else 0
        return Requirements(
            locks=self._pool.reader.enforces_worm,
            retention_days=self._request.trust.retention_days,
            known_size=known_size,
            sizes={known_size, *sizes},
            holds=self._holds,
        )

    def _due_portion(self) -> Portion | None:
        if self._resume is None or self._head is None or self._request.scrub_period is None:
            return None
        now = self._request.now
        scrub = self._head.scrub or Scrub(None, (), quick=False, began_at=now, ended_at=None)
        return next_portion(self.pinned, scrub, self._head.checkpoint.size, now, self._request.scrub_period)

    def _read(self, check: LogCheck, end: int | None, on_progress: OnProgress) -> bool:
        """Check the keys from the check's start up to a height; return whether all of them were read."""
        first_read = 0 if check.start.height == self._pinned_height else check.start.height
        keys = list_keys(self._pool.reader, self.pinned.origin, first_read, end)
        wanted = (key for key in keys if key.height is None or key.height >= check.start.height)
        try:
            for listed, checked in self._pool.check(wanted, quick=self._request.quick):
                check.add(listed, checked)
                on_progress(self.pinned.origin, check.counts)
        except UnreadableObjectError as error:
            check.finish_unreadable(str(error))
        except UnavailableError as error:
            check.stop(str(error))
        else:
            check.finish() if end is None else check.finish_below(end)
        return check.is_whole

    def _check_holds(self, check: LogCheck) -> None:
        try:
            check.check_holds(self._pool.reader)
        except UnavailableError as error:
            check.stop(str(error))

    @property
    def _pinned_height(self) -> int:
        return self.pinned.start.height if self.pinned.start else 0

    def _find_end(self) -> None:
        """Find where a log ends that has nothing at its remembered head and above, so that the finding is exact."""
        try:
            highest = head_height(self._pool.reader, self.pinned.origin, below=self.check.start.height)
        except UnreadableObjectError as error:
            self.check.finish_unreadable(str(error))
        except UnavailableError as error:
            self.check.stop(str(error))
        else:
            self.check.end_at(0 if highest is None else highest + 1)

    def _result(self, error: str) -> Result:
        quick = self._request.quick
        if self.check.findings:
            return Result.FAILED
        if error:
            return Result.UNKNOWN
        if self._resume:
            return Result.QUICK_CONTINUED_OK if quick else Result.CONTINUED_OK
        if self.pinned.start:
            return Result.QUICK_CHAIN_OK if quick else Result.CHAIN_OK
        return Result.QUICK_OK if quick else Result.OK

    def _notices(self) -> Iterator[str]:
        request, head = self._request, self._head
        if self.check.counts.held is None:
            yield "this reader may not see legal holds (s3:GetObjectLegalHold): whether blocks are held is not known"
        if request.memory and head is None:
            yield "first seen: no head of it was remembered, so a tail that was cut off can't be noticed"
        elif request.continued and head and head.resume is None:
            yield "checked from its beginning: the state file remembers its head alone"
        elif request.continued and self._resume is None:
            yield "checked from its beginning: its pins, the retention or the vault are not those of the last run"
        if self._resume:
            before = self._resume.block.header.height
            how = ", without hashing all of their records again" if self._resume.quick else ""
            yield f"continued: earlier runs verified the {before:,} blocks below its remembered head{how}"
        if self._portion:
            first, end, size = self._portion.start.height, self._portion.end, self._portion.size
            done = f"blocks {first:,} to {end - 1:,}" if first < end else "no blocks were due, so none"
            yield f"scrub: {done} of {size:,} were checked again"

    def _remembered(self) -> Head | None:
        """Return the head to remember, and what the next run needs to continue from it."""
        if self.check.last is None:
            return None
        block, keys = self.check.last
        resume = Resume(block, keys, self._conditions, self._is_quick(block.checkpoint.size))
        return Head(block.checkpoint, block.note, resume, self._scrub_after())

    def _is_quick(self, size: int) -> bool:
        """Whether no run has hashed the records of all blocks up to the head, so many of them."""
        if self._request.quick:
            known = self._head.resume if self._head else None
            is_known = known is not None and known.conditions == self._conditions and known.state.height == size
            return known is None or not is_known or known.quick
        is_pass_over = self._portion is not None and self._portion.is_last and not self._portion.scrub.quick
        return self._resume is not None and self._resume.quick and not is_pass_over

    def _scrub_after(self) -> Scrub | None:
        now, before = self._request.now, self._head.scrub if self._head else None
        if self._resume is None and not self._request.quick:
            return Scrub(None, (), quick=False, began_at=now, ended_at=now)
        if self._portion is None or self._scrub_check is None or self._scrub_check.last is None:
            return self._portion.scrub if self._portion else before
        block, _ = self._scrub_check.last
        return self._portion.passed(block.next_frontier, self._scrub_check.keys, now, quick=self._request.quick)
