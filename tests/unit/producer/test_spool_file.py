"""The spool's file: what a write adds survives, and damage of any kind is an error that names it, never a loss."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from auditseal_producer import SpoolBusyError, SpoolCorruptedError, SpoolError
from auditseal_producer.spool_file import SpoolFile
from tests.factory.spools import change_database, spooled_events


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.spool"


def filled(path: Path, count: int = 3) -> str:
    """Make a spool of some events, close it, and return its stream's id."""
    with closing(SpoolFile(path)) as file:
        file.write(spooled_events(file, count), count, [])
        return file.stream.id


def abandoned(path: Path, count: int = 3) -> None:
    """Make a spool of some events in a process that is killed, so that its write-ahead file stays."""
    program = (
        "import os, signal, sys; from pathlib import Path; from auditseal_producer.spool_file import SpoolFile\n"
        "from tests.factory.spools import spooled_events\n"
        "file = SpoolFile(Path(sys.argv[1]))\n"
        "for _ in range(int(sys.argv[2])):\n"
        "    file.write(spooled_events(file, 1), file.stream.sequence + 1, [])\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", program, path, str(count)], check=False)


def test_events_come_back_in_order_after_a_restart_and_the_stream_goes_on(path: Path) -> None:
    with closing(SpoolFile(path)) as file:
        written = spooled_events(file, 5)
        file.write(written, 5, [])
        file.write(more := spooled_events(file, 2), 7, [2, 4])
        assert file.read(0, 100) == [written[0], written[2], written[4], *more]
        assert file.read(3, 1) == [written[4]]
        stream = file.stream
    with closing(SpoolFile(path)) as file:
        assert file.stream == stream == (stream.id, 7, 8)
        assert file.read(0, 100) == [written[0], written[2], written[4], *more]
        assert file.events == 5
        assert file.bytes == sum(len(each.event.encoded) for each in file.read(0, 100))


def test_positions_of_an_empty_spool_go_on(path: Path) -> None:
    filled(path)
    with closing(SpoolFile(path)) as file:
        file.write([], 3, [1, 2, 3])
    with closing(SpoolFile(path)) as file:
        assert (file.events, file.stream.position) == (0, 4)


def test_each_commit_is_synced(path: Path) -> None:
    with closing(SpoolFile(path)) as file:
        modes = [file._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")]
    assert modes == ["wal", 2]  # 2 is FULL


def test_its_files_are_private(path: Path) -> None:
    abandoned(path)
    found = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert found == dict.fromkeys(["a.spool", "a.spool-shm", "a.spool-wal", "a.spool.lock"], 0o600)


def test_a_second_producer_on_one_path_is_refused(path: Path) -> None:
    with closing(SpoolFile(path)), pytest.raises(SpoolBusyError):
        SpoolFile(path)
    SpoolFile(path).close()


def test_a_killed_process_loses_nothing(path: Path) -> None:
    abandoned(path, 4)
    with closing(SpoolFile(path)) as file:
        assert [each.event.number for each in file.read(0, 10)] == [0, 1, 2, 3]


def test_a_write_ahead_file_that_is_gone_is_a_loss_that_is_told(path: Path) -> None:
    abandoned(path, 4)
    Path(f"{path}-wal").unlink()
    Path(f"{path}-shm").unlink()
    with pytest.raises(SpoolCorruptedError, match="lacks the last 4 events that were accepted"):
        SpoolFile(path)


def test_one_damaged_bit_of_the_write_ahead_file_is_a_loss_that_is_told(path: Path) -> None:
    filled(path, 1)
    abandoned(path, 4)
    log = Path(f"{path}-wal")
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    with pytest.raises(SpoolCorruptedError, match=r"lacks the last \d events that were accepted: its write-ahead file"):
        SpoolFile(path)
    assert log.read_bytes() == data


def test_an_older_copy_is_refused(path: Path, tmp_path: Path) -> None:
    filled(path)
    shutil.copy(path, tmp_path / "copy")
    with closing(SpoolFile(path)) as file:
        file.write(spooled_events(file, 2), 5, [])
    shutil.copy(tmp_path / "copy", path)
    with pytest.raises(
        SpoolCorruptedError, match=r"lacks the last 2 events that were accepted: .* it is an older copy"
    ):
        SpoolFile(path)


@pytest.mark.parametrize("column", ["event_id", "key", "stream_id", "encoded", "number"])
def test_a_damaged_cell_is_found_when_the_file_is_opened(path: Path, column: str) -> None:
    filled(path)
    change_database(path, f"UPDATE event SET {column} = ? WHERE position = 2", b"xy" if column == "key" else 77)
    with pytest.raises(SpoolCorruptedError, match="the event at position 2 is damaged: keep its files, export"):
        SpoolFile(path)


def test_any_damaged_page_is_an_error_or_changes_no_event(path: Path) -> None:
    filled(path, 40)
    with closing(SpoolFile(path)) as file:
        events, stream = file.read(0, 100), file.stream
    intact = path.read_bytes()
    refused = 0
    for place in range(0, len(intact), 97):
        data = bytearray(intact)
        data[place] ^= 0x10
        path.write_bytes(data)
        try:
            with closing(SpoolFile(path)) as file:
                assert file.read(0, 100) == events
                assert file.stream == stream
        except SpoolError:
            refused += 1
    assert refused > len(intact) // 97 // 4


def test_another_file_is_not_touched(path: Path) -> None:
    path.write_bytes(b"precious notes\n" * 100)
    with pytest.raises(SpoolCorruptedError, match="damaged, or not a spool"):
        SpoolFile(path)
    assert path.read_bytes() == b"precious notes\n" * 100


def test_another_database_is_not_touched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE mine (a)")
    with pytest.raises(SpoolCorruptedError, match="this file isn't a spool: check the path"):
        SpoolFile(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("mine",)]


def test_a_format_of_the_future_is_refused(path: Path) -> None:
    filled(path)
    change_database(path, "PRAGMA user_version = 2")
    with pytest.raises(SpoolError, match="its format is 2, and this version of auditseal reads 1"):
        SpoolFile(path)


@pytest.mark.parametrize(
    "statement", ["DELETE FROM stream", "UPDATE stream SET sequence = 'x'", "UPDATE stream SET sequence = sequence + 1"]
)
def test_a_damaged_state_is_refused(path: Path, statement: str) -> None:
    filled(path)
    change_database(path, statement)
    with pytest.raises(SpoolCorruptedError, match="its stream's state is damaged"):
        SpoolFile(path)


def test_a_database_without_room_refuses_the_write_and_takes_the_next(path: Path) -> None:
    with closing(SpoolFile(path)) as file:
        pages = file._writer.execute("PRAGMA page_count").fetchone()[0]
        file._writer.execute(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(SpoolError, match=r"database or disk is full \(SQLITE_FULL\): free some space"):
            file.write(spooled_events(file, 100), 100, [])
        assert (file.stream.sequence, file.stream.position, file.read(0, 10)) == (0, 1, [])
        file._writer.execute("PRAGMA max_page_count = 1000000")
        file.write(events := spooled_events(file, 100), 100, [])
        assert file.read(0, 1000) == events


def test_a_fork_waits_for_a_call_of_sqlite_and_the_child_can_use_it(path: Path) -> None:
    with closing(SpoolFile(path)) as file:
        child = os.fork()
        if child == 0:
            os._exit(0 if not file._writing.locked() else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert not file._writing.locked()
        file.write(spooled_events(file, 1), 1, [])
