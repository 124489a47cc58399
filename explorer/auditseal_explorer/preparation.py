"""Counts all events when the explorer starts, so that the first page of each auditor need not wait for that."""

import logging
from collections.abc import Iterable

from auditseal_explorer.auditor import Auditor
from auditseal_explorer.background_thread import BackgroundThread
from auditseal_explorer.sources import Sources
from auditseal_schemas.errors import AuditsealError
from auditseal_search.query import All

_log = logging.getLogger(__name__)


class Preparation(BackgroundThread):
    """Counts in a thread of its own. Nothing is shown to anyone, nor recorded.

    Args:
        sources: The vault and the index.
        scopes: The tenants whose events an auditor may see, for each auditor; None for all events.
    """

    def __init__(self, sources: Sources, scopes: Iterable[frozenset[str] | None]) -> None:
        super().__init__("preparation")
        self._sources, self._scopes = sources, dict.fromkeys(scopes)

    def _run(self) -> None:
        try:
            for tenants in self._scopes:
                self.count(tenants)
        except AuditsealError as error:
            _log.info("the events were not counted at the start, so the first page takes longer: %s", error)

    def count(self, tenants: frozenset[str] | None) -> None:
        """Count all events of some tenants, or of all, in each file of the index.

        Raises:
            AuditsealError: The index can't be read.
        """
        found = self._sources.gather(Auditor("preparation", "local", tenants), All(), ())
        for file, rows in found.by_file():
            if self._stop.is_set():
                return
            self._sources.counting.of_file(file, rows, found)
