"""The check of blocks that were just written: each must be the first object at its key."""

from datetime import UTC, datetime, timedelta

import pytest

from auditseal_archiver import written_blocks
from auditseal_archiver.lock_check import LockCheck, WantedLock
from auditseal_archiver.written_blocks import WrittenBlocks
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt
from auditseal_vault.interface import Retention
from tests.factory.archiving import halts
from tests.factory.blocks import NOW, chain, resigned
from tests.factory.keys import KEY, ORIGIN
from tests.factory.vaults import MemoryVault

BLOCKS, _ = chain(3, 2, 0, 4)
MARKER = None
LOCK = Retention("COMPLIANCE", datetime(2033, 1, 1, tzinfo=UTC))
WANTED = WantedLock(LOCK.retain_until - timedelta(seconds=3), LOCK.retain_until)


def write(*before: bytes | None, after: tuple[bytes | None, ...] = ()) -> tuple[MemoryVault, WrittenBlocks]:
    """Return a vault of four blocks and their check; at the second one's key others were written before and after."""
    vault = MemoryVault()
    written = WrittenBlocks(vault, ORIGIN, LockCheck(vault, lambda: None))
    for block in BLOCKS:
        key, data = ORIGIN.block_key(block.header.height), block.format()
        second = block.header.height == 1
        for content in before if second else ():
            vault.put(key, content)
        vault.put(key, data, LOCK)
        for content in after if second else ():
            vault.put(key, content)
        written.add(block, data, (KEY,), WANTED)
    return vault, written


def test_the_first_objects_at_their_keys_are_checked_once() -> None:
    vault, written = write()
    assert written.due_in() is not None
    written.check()
    assert written.due_in() is None
    vault.broken = "*"
    written.check()  # nothing is asked for


@pytest.mark.parametrize(
    ("before", "halt"),
    [
        ([MARKER], Halt.SQUATTED),
        ([b"garbage", MARKER], Halt.SQUATTED),
        ([BLOCKS[0].format(), MARKER], Halt.SQUATTED),
        ([resigned(BLOCKS[1], sealed_at=NOW + 9).format(), MARKER], Halt.FORK),
        ([MARKER, resigned(BLOCKS[1], sealed_at=NOW + 9).format(), MARKER], Halt.FORK),
        ([MARKER, BLOCKS[1].format(), MARKER], Halt.SQUATTED),
    ],
)
def test_an_object_or_marker_that_was_first_is_found(before: list[bytes | None], halt: Halt) -> None:
    _, written = write(*before)
    assert ORIGIN.block_key(1) in halts(halt, written.check)
    assert ORIGIN.block_key(1) in halts(halt, written.check)  # and stays found


@pytest.mark.parametrize("after", [(MARKER,), (b"garbage",), (MARKER, b"garbage", MARKER)])
def test_objects_that_came_later_change_nothing(after: tuple[bytes | None, ...]) -> None:
    _, written = write(after=after)
    written.check()


def test_a_block_that_the_store_does_not_list_is_waited_for() -> None:
    vault, written = write()
    content = vault.objects.pop(ORIGIN.block_key(2))
    with pytest.raises(UnavailableError, match="not listed"):
        written.check()
    vault.objects[ORIGIN.block_key(2)] = content
    written.check()


def test_many_blocks_are_due_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(written_blocks, "CHECK_BLOCKS", 4)
    _, written = write()
    assert written.due_in() == 0
    monkeypatch.setattr(written_blocks, "CHECK_BLOCKS", 5)
    due = written.due_in()
    assert due is not None
    assert 0 < due <= written_blocks.CHECK_SECONDS


def test_our_bytes_that_someone_stored_before_and_hid_are_locked() -> None:
    vault, written = write(BLOCKS[1].format(), MARKER)
    written.check()
    assert vault.objects[ORIGIN.block_key(1)][0].lock == LOCK
