"""The lock of an object that was at a block's key first: it lasts, it is set now, or the archiver halts."""

from datetime import UTC, datetime, timedelta

import pytest

from auditseal_archiver.lock_check import LockCheck, WantedLock
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt
from auditseal_vault.interface import Retention
from tests.factory.archiving import DAY, halts
from tests.factory.blocks import chain
from tests.factory.vaults import MemoryVault

NOW = datetime(2030, 1, 1, tzinfo=UTC)
WANTED = WantedLock(NOW, NOW + timedelta(seconds=5))
KEY = "v1/a/blocks/000000000000.avro"


class Checked:
    """A vault with one object, and a check of its lock.

    Attributes:
        unlocked: How often it was found without its lock.
    """

    def __init__(self, lock: Retention | None, *, enforces_worm: bool = True) -> None:
        self.vault, self.unlocked = MemoryVault(enforces_worm), 0
        self.vault.put(KEY, b"x", lock)

    def check(self) -> None:
        def count() -> None:
            self.unlocked += 1

        LockCheck(self.vault, count).check(next(self.vault.versions(KEY)), WANTED)

    @property
    def lock(self) -> Retention | None:
        return self.vault.objects[KEY][0].lock


def test_the_lock_that_a_block_must_have() -> None:
    (block,), _ = chain(1)
    sealed = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=block.header.sealed_at)
    late = sealed + timedelta(seconds=90)
    wanted = WantedLock.of(block, DAY, late)
    assert (wanted.least, wanted.until - wanted.least) == (sealed + DAY, timedelta(seconds=90))


@pytest.mark.parametrize("until", [NOW, NOW + DAY])
def test_a_lock_that_lasts_is_left_alone(until: datetime) -> None:
    checked = Checked(Retention("COMPLIANCE", until))
    checked.check()
    assert (checked.unlocked, checked.lock) == (0, Retention("COMPLIANCE", until))


@pytest.mark.parametrize("lock", [None, Retention("COMPLIANCE", NOW - timedelta(seconds=1))])
def test_a_lock_that_is_missing_or_short_is_set(lock: Retention | None) -> None:
    checked = Checked(lock)
    checked.check()
    assert (checked.unlocked, checked.lock) == (1, Retention("COMPLIANCE", WANTED.until))
    checked.check()
    assert checked.unlocked == 1


def test_a_lock_that_can_be_lifted_halts() -> None:
    checked = Checked(Retention("GOVERNANCE", NOW + DAY))
    assert "GOVERNANCE lock, which can be lifted" in halts(Halt.SQUATTED, checked.check)


def test_a_store_that_keeps_no_lock_halts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryVault, "extend_lock", lambda *_: None)
    assert "and shows no lock" in halts(Halt.WORM_REFUSED, Checked(None).check)


def test_a_store_that_refuses_the_lock_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise UnavailableError("AccessDenied")

    monkeypatch.setattr(MemoryVault, "extend_lock", refuse)
    with pytest.raises(UnavailableError):
        Checked(None).check()


def test_a_directory_has_no_locks() -> None:
    checked = Checked(None, enforces_worm=False)
    checked.check()
    assert (checked.unlocked, checked.lock) == (0, None)
