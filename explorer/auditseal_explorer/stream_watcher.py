"""Looks at the streams of the vault while the explorer runs: which miss events, and which services are silent."""

from collections.abc import Callable
from dataclasses import replace
from heapq import nsmallest
from pathlib import Path
from time import time

from auditseal_explorer.background_thread import BackgroundThread
from auditseal_explorer.streams import MOST_SHOWN, SHOWN, Streams
from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust
from auditseal_search.range_pool import RangePool
from auditseal_search.stream_follower import LookRules
from auditseal_search.stream_ledger import COLUMNS, StreamLedger
from auditseal_search.stream_report import StreamReport
from auditseal_search.stream_state import StreamState
from auditseal_vault.head import head_height
from auditseal_vault.interface import VaultReader

_BLOCKS = 1_000  # that are read before a stop is noticed
_SECONDS_TO_END = 3


class StreamWatcher(BackgroundThread):
    """Looks at streams in a thread of its own.

    Args:
        trust: The trust file.
        open_vault: Opens the vault.
        folder: Where it remembers what was read, so that the next start reads on from there.
        rules: How streams are looked at.
    """

    def __init__(self, trust: Trust, open_vault: Callable[[], VaultReader], folder: Path, rules: LookRules) -> None:
        super().__init__("streams", _SECONDS_TO_END)
        self._trust, self._open, self._folder, self._rules = trust, open_vault, folder, rules
        self.last = Streams(problem="The streams are being read for the first time.")

    def _run(self) -> None:
        try:
            with RangePool(self._open, 1, columns=COLUMNS) as pool, StreamLedger(self._folder) as ledger:
                self._look_again(pool, ledger)
        except AuditsealError as error:  # a wrong block, or a folder that can't be used: someone has to act
            self.last = replace(self.last, problem=f"The streams can't be followed any further: {error}")

    def _look_again(self, pool: RangePool, ledger: StreamLedger) -> None:
        report: StreamReport | None = None
        while not self._stop.is_set():
            try:
                report = report or StreamReport(pool, self._trust, ledger)
                self._read(report, pool.vault)
                self.last = self._look(report)
            except UnavailableError as error:
                self.last = replace(self.last, problem=f"The streams can't be read just now: {error}")
            self._stop.wait(self._rules.every / 1000)

    def _read(self, report: StreamReport, vault: VaultReader) -> None:
        """Read all logs to their ends, some blocks at a time."""
        while not self._stop.is_set():
            stored = [_size(vault, log.origin) for log in self._trust.logs]
            sizes = {
                head.origin: min(head.size + _BLOCKS, max(size, head.size))
                for head, size in zip(report.heads, stored, strict=True)
            }
            if all(sizes[head.origin] == head.size for head in report.heads):
                return
            report.read(sizes)

    def _look(self, report: StreamReport) -> Streams:
        now = time()
        found = (state for state in report.states(self._rules.at(now)) if state.states[0] in SHOWN)
        listed = nsmallest(MOST_SHOWN, found, key=_rank)
        return Streams(int(now * 1e6), report.counts, tuple(listed), report.silent, bool(self._rules.expected))


def _size(vault: VaultReader, origin: Origin) -> int:
    height = head_height(vault, origin)
    return 0 if height is None else height + 1


def _rank(state: StreamState) -> tuple[int, int]:
    return SHOWN.index(state.states[0]), state.facts.last_at
