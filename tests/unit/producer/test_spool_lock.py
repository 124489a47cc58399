"""The lock file: one producer at a time, in this process or another one, and a mark that is never ahead."""

import os
from pathlib import Path

import pytest

from auditseal_producer import SpoolBusyError, SpoolCorruptedError, SpoolError
from auditseal_producer.spool_lock import SpoolLock, find_holder, read_mark


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "a.spool"


def in_child(work) -> int:
    """Run something in a forked child; return its exit code."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(work())
        except BaseException:
            os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_second_lock_in_this_process_is_refused_and_the_first_one_stays(spool: Path) -> None:
    lock = SpoolLock(spool)
    with pytest.raises(SpoolBusyError, match=r"a\.spool\.lock is held by another producer of this process: give each"):
        SpoolLock(spool)

    def work() -> int:
        with pytest.raises(SpoolBusyError, match=f"is held by process {lock.process}:"):
            SpoolLock(spool)
        return 0

    lock.write_mark(1)
    assert in_child(work) == 0
    lock.release()


def test_a_child_does_not_inherit_the_lock_and_takes_it_when_it_is_free(spool: Path) -> None:
    lock = SpoolLock(spool)
    lock.write_mark(7)

    def work() -> int:
        with pytest.raises(SpoolBusyError):
            SpoolLock(spool)
        return 0

    assert in_child(work) == 0
    lock.release()

    def take() -> int:
        return 0 if SpoolLock(spool).mark == 7 else 1

    assert in_child(take) == 0
    SpoolLock(spool).release()


def test_a_process_that_ends_frees_the_lock(spool: Path) -> None:
    def work() -> int:
        SpoolLock(spool).write_mark(3)
        return 0

    assert in_child(work) == 0
    lock = SpoolLock(spool)
    assert lock.mark == 3
    lock.release()


def test_the_mark_and_the_holder_are_read_without_freeing_the_lock(spool: Path) -> None:
    assert (read_mark(spool), find_holder(spool)) == (0, None)
    lock = SpoolLock(spool)
    lock.write_mark(12)
    assert (read_mark(spool), find_holder(spool)) == (12, os.getpid())

    def work() -> int:
        assert (read_mark(spool), find_holder(spool)) == (12, lock.process)
        with pytest.raises(SpoolBusyError):
            SpoolLock(spool)
        return 0

    assert in_child(work) == 0
    lock.release()
    assert (read_mark(spool), find_holder(spool)) == (12, None)


def test_zeros_are_a_mark_that_never_came_to_the_disk(spool: Path) -> None:
    Path(f"{spool}.lock").write_bytes(bytes(31))
    lock = SpoolLock(spool)
    assert lock.mark == 0
    lock.release()


@pytest.mark.parametrize("content", [b"another tool's file\n", b"1 2\n3", b"x" * 40])
def test_another_file_is_refused_and_stays(spool: Path, content: bytes) -> None:
    path = Path(f"{spool}.lock")
    path.write_bytes(content)
    with pytest.raises(SpoolCorruptedError, match=r"isn't a spool's lock file: check the path"):
        SpoolLock(spool)
    assert path.read_bytes() == content
    assert read_mark(spool) == 0


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpoolError, match=r"its lock file can't be opened: .*No such file"):
        SpoolLock(tmp_path / "absent" / "a.spool")
