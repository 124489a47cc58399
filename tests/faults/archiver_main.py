"""The archiver with a fault campaign's hooks: it is the product's own body, started as `auditseal archiver` starts it.

| variable | meaning |
| --- | --- |
| `FAULTS_KILL_BEFORE_PUT`, `FAULTS_KILL_AFTER_PUT` | kill -9 itself there, with a chance from 0 to 1 |
| `FAULTS_SEED` | of these chances: each key draws by itself |
"""

import os
import random
import signal
import sys
from datetime import datetime
from unittest.mock import patch

from auditseal.cli import archiver
from auditseal.settings import load_settings
from auditseal.settings_archiver import ArchiverSettings
from auditseal_vault.interface import Vault
from auditseal_vault.open import open_vault


class DeadlyVault:
    """A vault around whose writes the process dies."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def __getattr__(self, name: str) -> object:
        return getattr(self._vault, name)

    def put(self, key: str, data: bytes, retain_until: datetime) -> None:
        _die_by_chance("FAULTS_KILL_BEFORE_PUT", key)
        self._vault.put(key, data, retain_until)
        _die_by_chance("FAULTS_KILL_AFTER_PUT", key)


def _die_by_chance(name: str, key: str) -> None:
    dice = random.Random(f"{os.environ.get('FAULTS_SEED', '')}/{name}/{key}")
    if dice.random() < float(os.environ.get(name, "0")):
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> int:
    """Run the archiver."""
    patch.object(archiver, "open_vault", lambda *arguments: DeadlyVault(open_vault(*arguments))).start()
    return archiver.run_archiver(load_settings(ArchiverSettings, None))


if __name__ == "__main__":
    sys.exit(main())
