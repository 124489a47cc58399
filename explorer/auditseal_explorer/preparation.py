"""Counts all events and encodes the columns that pages count, so that auditors need not wait for that.

It is done when the explorer starts, and again for the files that the index gets afterwards.
"""

import logging
from collections.abc import Iterable

from auditseal_explorer.auditor import Auditor
from auditseal_explorer.background_thread import BackgroundThread
from auditseal_explorer.sources import Sources
from auditseal_schemas.errors import AuditsealError

EVERY_SECONDS = 60.0
_log = logging.getLogger(__name__)


class Preparation(BackgroundThread):
    """Counts and encodes in a thread of its own. Nothing is shown to anyone, nor recorded.

    Args:
        sources: The vault and the index.
        scopes: The tenants whose events an auditor may see, for each auditor; None for all events.
        every: Seconds from one look at the index to the next.
    """

    def __init__(self, sources: Sources, scopes: Iterable[frozenset[str] | None], every: float = EVERY_SECONDS) -> None:
        super().__init__("preparation")
        self._sources, self._scopes, self._every = sources, dict.fromkeys(scopes), every

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.prepare()
            except AuditsealError as error:
                _log.info("the events were not counted beforehand, so a page takes longer: %s", error)
            self._stop.wait(self._every)

    def prepare(self) -> None:
        """Encode each file of the index, and count all events of each scope in it, as far as that was not done before.

        Raises:
            AuditsealError: The index can't be read, or a temporary file can't be written.
        """
        for _ in self._sources.counting.encode(self._sources.indexed(_auditor(None))):
            if self._stop.is_set():
                return
        for tenants in self._scopes:
            found = self._sources.indexed(_auditor(tenants))
            for file, rows in found.by_file():
                if self._stop.is_set():
                    return
                self._sources.counting.of_file(file, rows, found)


def _auditor(tenants: frozenset[str] | None) -> Auditor:
    return Auditor("preparation", "local", tenants)
