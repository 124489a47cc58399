"""Verifies the vault while the explorer runs: all of it at first, and then what is new."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import time

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.findings import Counts, Finding
from auditseal_auditor.known_contents import KnownContents
from auditseal_auditor.report import LogReport, Report
from auditseal_auditor.request import Request
from auditseal_auditor.state.heads import Head
from auditseal_auditor.verification import Verification
from auditseal_explorer.background_thread import BackgroundThread
from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_search.free_memory import release_free_memory
from auditseal_vault.interface import VaultReader

EVERY_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Checked:
    """The last verification.

    Attributes:
        report: Its report; None before the first ended.
        at: When it began, in µs since the epoch.
        problem: Why the vault could not be verified; empty where it could.
    """

    report: Report | None = None
    at: int = 0
    problem: str = ""

    def report_of(self, origin: Origin) -> LogReport | None:
        """Return the part of one log."""
        return next((log for log in self.report.logs if log.origin == origin), None) if self.report else None

    @property
    def verdict(self) -> str:
        """The result in a word: the worst verdict, or how far verification came."""
        if self.report is None:
            return "not verified yet"
        if self.report.finding_count:
            return str(self.report.worst)
        return "not read to the end" if self.problem or self.report.exit_code else "verified"

    @property
    def findings(self) -> list[Finding]:
        """All findings that are kept whole."""
        return self.report.kept_findings if self.report else []


class Checker(BackgroundThread):
    """Verifies a vault in a thread of its own.

    Of the blocks that were verified, the last one of each log alone is read again while the explorer runs: `auditseal
    watch` reads all of them again.

    Args:
        trust: The trust file.
        open_vault: Opens the vault.
        every: Seconds from the end of one verification to the next.
    """

    def __init__(self, trust: Trust, open_vault: Callable[[], VaultReader], every: float = EVERY_SECONDS) -> None:
        super().__init__("verification")
        self._trust, self._open, self._every = trust, open_vault, every
        self._heads: Mapping[Origin, Head] = {}
        self._pool: CheckPool | None = None
        self._known = KnownContents()
        self.last = Checked()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.check()
            except _StoppedError:
                return
            except AuditsealError as error:
                self.last = Checked(self.last.report, self.last.at, str(error))
            self._stop.wait(self._every)

    def check(self) -> None:
        """Verify once: everything at first, then from the remembered heads on.

        Raises:
            AuditsealError: The vault can't be opened, or a process died.
        """
        now = int(time() * 1_000_000)
        request = Request(self._trust, heads=self._heads, memory="this explorer's start", now=now, continued=True)
        pool = self._pool or CheckPool(self._open, 1, known=self._known)
        self._pool = None  # one that fails is not used again
        report = Verification(request, pool, self._end_early).run()
        self._pool = pool
        self._heads = report.heads_after(self._heads)
        self.last = Checked(report, now)
        release_free_memory()  # the blocks of a whole vault went through here

    def _end_early(self, _origin: Origin, _counts: Counts) -> None:
        if self._stop.is_set():
            raise _StoppedError


class _StoppedError(Exception):
    """The explorer ends while a verification is under way."""
