"""A watcher on a vault in memory that a test drives check by check: no clock, no waiting, no process."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import CollectorRegistry

from auditseal_auditor.check_pool import CheckPool
from auditseal_daemon.telemetry import Health
from auditseal_watch.config import WatchConfig
from auditseal_watch.metrics import WatchMetrics
from auditseal_watch.results import CheckResult
from auditseal_watch.watcher import VERIFIED, Watcher
from tests.factory.vaults import MemoryVault, make_trust

Step = Callable[[], object]


class Steps(threading.Event):
    """An event whose `wait` runs the next step of a test, and which is set after the last one."""

    def __init__(self, steps: Sequence[Step]) -> None:
        super().__init__()
        self._steps = list(steps)

    def wait(self, timeout: float | None = None) -> bool:
        if self._steps:
            self._steps.pop(0)()
        if not self._steps:
            self.set()
        return self.is_set()


class Watch:
    """A watcher's surroundings: its vault, its state file, what it serves and what it logs."""

    def __init__(self, vault: MemoryVault, folder: Path, **more: Any) -> None:
        self.vault = vault
        self.config = replace(WatchConfig(make_trust(), vault.url, folder / "state.json"), **more)
        self.registry, self.health = CollectorRegistry(), Health([VERIFIED])
        self.metrics = WatchMetrics(self.registry)
        self.logged: list[tuple[str, str]] = []

    def run(self, *steps: Step, is_first: bool = False) -> None:
        """Check once before each step; the watcher ends after the last one."""
        with (
            structlog.testing.capture_logs() as lines,
            CheckPool(partial(_same, self.vault), 1) as pool,
        ):
            try:
                watcher = Watcher(
                    self.config, pool, self.metrics, self.health, is_first=is_first, on_result=self.on_result
                )
                watcher.run(Steps(steps))
            finally:
                self.logged = [(line["log_level"], " ".join(map(str, line.values()))) for line in lines]

    def on_result(self, result: CheckResult) -> None:
        """Take a result that is worth an audit event; a test that looks at them overrides this."""

    def served(self, name: str, **labels: str) -> float | None:
        """Return the value of a metric that is served."""
        return self.registry.get_sample_value(f"auditseal_verify_{name}", labels)


def _same(vault: MemoryVault) -> MemoryVault:
    return vault
