"""The lock of an object that was at a block's key before our write was answered. Anyone may have stored it.

A block's bytes without a lock are not archived. If someone else stored them first, that version counts for auditors,
and the store refuses our write. So that version is locked: S3 lets a lock be set on a version, or made longer.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

import structlog

from auditseal_archiver.retention import lock_end, sealed_time
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt, HaltError
from auditseal_vault.errors import LockNotExtendedError
from auditseal_vault.interface import StoredVersion, Vault
from auditseal_vault.lock_extension import extend_locks


@dataclass(frozen=True, slots=True)
class WantedLock:
    """The lock that a block must have.

    Attributes:
        least: The earliest end: an earlier write of ours may have ended some seconds before `until`.
        until: The end of a lock that is set now.
    """

    least: datetime
    until: datetime

    @classmethod
    def of(cls, block: Block, retention: timedelta, now: datetime) -> Self:
        """Return the lock of a block that is archived now."""
        return cls(sealed_time(block) + retention, lock_end(block, retention, now))


class LockCheck:
    """Checks the locks of versions, and locks each version that lacks its lock.

    Args:
        vault: The vault; one without locks passes.
        on_unlocked: Called for each block that was found without its lock.
    """

    def __init__(self, vault: Vault, on_unlocked: Callable[[], object]) -> None:
        self._vault, self._on_unlocked = vault, on_unlocked
        self._log = structlog.get_logger(__name__)

    def check(self, version: StoredVersion, wanted: WantedLock) -> None:
        """Return when a version is under a lock that lasts; one without it is locked now.

        Raises:
            HaltError: SQUATTED, the lock is in a mode that can be lifted, and can't be replaced. WORM_REFUSED, the
                store accepted a lock and shows another one.
            UnavailableError: The store can't be asked, or refused the lock.
        """
        if not self._vault.enforces_worm:
            return
        lock = self._vault.retention(version.key, version.version_id)
        if lock is not None and lock.lasts_until(wanted.least):
            return
        where = f"{version.key} in {self._vault.url}"
        if lock is not None and lock.mode != "COMPLIANCE":
            problem = f"holds the block's bytes under a {lock.mode} lock, which can be lifted: someone was first"
            raise HaltError(Halt.SQUATTED, f"{where} {problem}")
        self._on_unlocked()
        shown = f"locked until {lock.retain_until}" if lock else "without a lock"
        self._log.error("someone else stored a block first, and it is locked now", key=version.key, found=shown)
        try:
            extend_locks(self._vault, [version], wanted.until)
        except LockNotExtendedError as error:
            raise HaltError(Halt.WORM_REFUSED, str(error)) from error
