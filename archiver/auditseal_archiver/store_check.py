"""Asks the store now and then, so that an archiver without a block to store notices that the store refuses it."""

import time
from concurrent.futures import Future

from auditseal_daemon.background import run_in_thread
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_vault.errors import UnreadableObjectError
from auditseal_vault.interface import VaultReader

CHECK_SECONDS = 15.0
"""From one question to the next: each costs one listing of one entry."""


class StoreCheck:
    """Lists the first entry of a log, again and again.

    Attributes:
        problem: Why the store didn't answer the last time; None where it did, and before the first time.
    """

    def __init__(self, vault: VaultReader, origin: Origin) -> None:
        """Take the vault, and a log that is archived there; nothing is asked yet."""
        self.problem: str | None = None
        self._vault, self._prefix = vault, origin.blocks_prefix
        self._running: Future[str | None] | None = None
        self._due = 0.0

    def keep(self) -> None:
        """Ask where it is due, and take the answer of a question that has ended; call it now and then."""
        if self._running is not None:
            if self._running.done():
                self.problem, self._running = self._running.result(), None
                self._due = time.monotonic() + CHECK_SECONDS
        elif time.monotonic() >= self._due:
            self._running = run_in_thread("store-check", self._ask)

    def _ask(self) -> str | None:
        try:
            for _ in self._vault.versions(self._prefix, limit=1):
                pass
        except (UnavailableError, UnreadableObjectError) as error:
            return str(error)
        return None
