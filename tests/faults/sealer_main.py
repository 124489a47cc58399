"""The sealer with a fault campaign's hooks: it is the product's own body, started as `auditseal sealer` starts it.

| variable | meaning |
| --- | --- |
| `FAULTS_KILL_AFTER` | `step:chance,...`: kill -9 itself after a step, with a chance from 0 to 1 |
| `FAULTS_STALL_AFTER` | `step:seconds`: sleep after a step, once |
| `FAULTS_SEED` | of all chances: each log draws from a series of its own |
| `FAULTS_SETTLED` | seconds that it waits for another's open transaction where `FAULTS_FAST` is set; 6 |
| `FAULTS_CLOCK` | seconds by which this machine's clock is wrong in what the sealer writes |
| `FAULTS_FAST` | not empty: looks at topics and vault more often, and waits less for open transactions |
"""

import json
import os
import random
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from auditseal.cli.sealer import run_sealer
from auditseal.cli.signer import open_signers
from auditseal.settings import load_settings
from auditseal.settings_sealer import SealerSettings
from auditseal_schemas.origin import Origin
from auditseal_sealer import session
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.hooks import Step

STALLING, LATE_COMMIT = "stalling", "a stalled transaction was committed"
"""What the log says before a stall, and when the transaction within which it came was committed after it."""


class Killer:
    """Ends the process after a step, or stalls there and tells whether its transaction was committed after that."""

    def __init__(self, kill_after: str, stall_after: str, seed: str) -> None:
        pairs = [pair.split(":") for pair in kill_after.split(",") if pair]
        self._chances = {Step(step): float(chance) for step, chance in pairs}
        self._stalls = (
            {Step(step): float(seconds) for step, seconds in [stall_after.split(":")] if seconds}
            if (stall_after)
            else {}
        )
        self._seed, self._dice = seed, dict[Origin, random.Random]()
        self._stalled: set[Origin] = set()

    def after(self, step: Step, origin: Origin) -> None:
        dice = self._dice.setdefault(origin, random.Random(f"{self._seed}/{origin}"))
        if dice.random() < self._chances.get(step, 0):
            os.kill(os.getpid(), signal.SIGKILL)
        if step is Step.COMMITTED and origin in self._stalled:
            tell(LATE_COMMIT, origin)
            self._stalled.discard(origin)
        if seconds := self._stalls.pop(step, 0):
            self._stalled.add(origin)
            tell(STALLING, origin)
            time.sleep(seconds)


def tell(event: str, origin: Origin) -> None:
    """Write a line as the sealer's own log has them."""
    now = datetime.now(UTC).isoformat()
    print(json.dumps({"event": event, "origin": str(origin), "timestamp": now}), file=sys.stderr, flush=True)


class CampaignSettings(SealerSettings):
    """The product's settings; the intervals that aren't settings are shortened where a campaign asks for it."""

    def config(self, *, genesis_allowed: bool) -> SealerConfig:
        config = super().config(genesis_allowed=genesis_allowed)
        if not os.environ.get("FAULTS_FAST"):
            return config
        timeouts = replace(config.timeouts, settled=float(os.environ.get("FAULTS_SETTLED", "6")), back_off=2)
        return replace(config, timeouts=timeouts, intervals=replace(config.intervals, topics=0.5, vault=1))


def shift_clock(seconds: float) -> None:
    """Let the module that signs see another time of day; `time.monotonic` stays."""

    def shifted() -> int:
        return time.time_ns() + int(seconds * 1e9)

    names: dict[str, Any] = {name: getattr(time, name) for name in dir(time) if not name.startswith("_")}
    patch.object(session, "time", SimpleNamespace(**(names | {"time_ns": shifted}))).start()


def main() -> int:
    """Run the sealer."""
    if shift := float(os.environ.get("FAULTS_CLOCK", "0")):
        shift_clock(shift)
    hooks = Killer(*(os.environ.get(f"FAULTS_{name}", "") for name in ("KILL_AFTER", "STALL_AFTER", "SEED")))
    genesis = "--genesis" in sys.argv
    settings = load_settings(CampaignSettings, None)
    return run_sealer(settings, open_signers(settings.sealer), genesis_allowed=genesis, hooks=hooks)


if __name__ == "__main__":
    sys.exit(main())
