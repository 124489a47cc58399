"""Runs the WORM drill on its schedule: before the first block, and again while the archiver runs."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import timedelta
from typing import Any

import structlog

from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.readiness import DRILL
from auditseal_daemon.background import run_in_thread
from auditseal_daemon.retry import StoreRetry
from auditseal_daemon.telemetry import Health
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import HaltError
from auditseal_vault.drill import drill
from auditseal_vault.encryption import Encryption
from auditseal_vault.interface import Vault


class DrillSchedule:
    """Runs the drill, shows its result, and starts the next one when it is due."""

    def __init__(
        self,
        vault: Vault,
        metrics: ArchiverMetrics,
        health: Health,
        every: timedelta,
        stop: threading.Event,
        *,
        store_problem: Callable[[], str | None],
        run_drill: Callable[[Vault], Encryption | None] = drill,
    ) -> None:
        """Take the vault, why it refuses calls of the archiver, and the function that drills it; nothing runs yet."""
        self._drill, self._store_problem = run_drill, store_problem
        self._vault, self._metrics, self._health, self._every = vault, metrics, health, every.total_seconds()
        self._retry = StoreRetry(stop, lambda error: health.miss(DRILL, f"the store doesn't answer it: {error}"))
        self._running: Future[None] | None = None
        self._due = 0.0
        self._log: Any = structlog.get_logger(__name__)
        health.miss(DRILL, "the first one hasn't passed yet")

    def run(self) -> None:
        """Run the drill again and again until the store answers, or until the archiver stops.

        While the store doesn't answer, the condition `drill` says why.

        Raises:
            HaltError: WORM_REFUSED, NOT_ENCRYPTED.
        """
        if self._vault.enforces_worm:
            try:
                encryption = self._retry.run(lambda: self._drill(self._vault))
            except HaltError:
                self._metrics.worm_drill_success.set(0)
                raise
            except UnavailableError:
                return  # asked to stop: a retry has no other end
            self._metrics.worm_drill_success.set(1)
            self._metrics.encrypts.set(1 if encryption else 0)
            self._due = time.monotonic() + self._every
            self._report_pass(encryption)
        else:
            self._log.warning("this vault is not WORM storage: its owner can delete blocks", vault=self._vault.url)
        self._health.hold(DRILL)

    def _report_pass(self, encryption: Encryption | None) -> None:
        """Log that the drill passed, and not as good news while the store refuses the blocks."""
        if problem := self._store_problem():
            self._log.error("the WORM drill passed, but nothing is archived", vault=self._vault.url, problem=problem)
        else:
            at_rest = str(encryption or "not encrypted, by the store's answer")
            self._log.info("the WORM drill passed", vault=self._vault.url, at_rest=at_rest)

    def keep(self) -> None:
        """Start a drill where one is due, and take the result of one that has ended; call it now and then.

        Raises:
            HaltError: WORM_REFUSED, NOT_ENCRYPTED.
        """
        if self._running is not None:
            if self._running.done():
                self._running.result()
                self._running = None
        elif self._vault.enforces_worm and time.monotonic() >= self._due:
            self._running = run_in_thread("drill", self.run)
