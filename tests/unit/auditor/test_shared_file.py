"""The state file's way to the disk: links, modes, and things that are not files."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from auditseal_auditor.errors import StateFileError
from auditseal_auditor.state.shared_file import SharedFile
from auditseal_schemas.errors import ConfigurationError


def write(path: Path, text: str) -> None:
    file = SharedFile.at(path)
    with file.locked():
        file.replace(text)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory for the file, `kept`, and one for links to it, `links`."""
    for name in ("kept", "links"):
        (tmp_path / name).mkdir()
    (tmp_path / "kept" / "state").write_text("old")
    return tmp_path


def test_the_file_that_a_link_leads_to_is_written_and_the_link_stays(place: Path) -> None:
    first, second = place / "links" / "first", place / "links" / "second"
    second.symlink_to("../kept/state")
    first.symlink_to(second)
    (place / "folder").symlink_to("links")
    for number, path in enumerate((second, first, place / "folder" / "first", place / "kept" / "state")):
        write(path, f"new {number}")
        assert (place / "kept" / "state").read_text() == f"new {number}"
        assert SharedFile.at(path).read() == f"new {number}"
    assert first.is_symlink()
    assert second.is_symlink()
    assert sorted(entry.name for entry in (place / "kept").iterdir()) == ["state", "state.lock"]
    assert sorted(entry.name for entry in (place / "links").iterdir()) == ["first", "second"]


def test_a_link_that_leads_nowhere_is_refused_and_nothing_is_made(place: Path) -> None:
    link = place / "links" / "link"
    for target in ("../kept/missing", "/nowhere/state"):
        link.symlink_to(target)
        with pytest.raises(ConfigurationError, match=r"is a link to .*, which doesn't exist"):
            SharedFile.at(link)
        link.unlink()
    assert [entry.name for entry in (place / "kept").iterdir()] == ["state"]


def test_links_in_a_circle_are_refused(place: Path) -> None:
    one, other = place / "links" / "one", place / "links" / "other"
    one.symlink_to(other)
    other.symlink_to(one)
    for path in (one, other, one / "state"):
        with pytest.raises(ConfigurationError):
            SharedFile.at(path)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (os.mkfifo, "not a regular file"),
        (Path.mkdir, "not a regular file"),
        (lambda path: path.symlink_to("/dev/null"), "not a regular file"),
        (lambda path: path.hardlink_to(path.parent.parent / "kept" / "state"), "2 names"),
    ],
    ids=["FIFO", "directory", "device", "hard link"],
)
def test_what_is_not_one_regular_file_is_refused(place: Path, make: Callable[[Path], None], words: str) -> None:
    path = place / "links" / "state"
    make(path)
    with pytest.raises(ConfigurationError, match=words):
        SharedFile.at(path)


def test_a_file_that_becomes_a_fifo_or_a_link_meanwhile_is_not_opened(place: Path) -> None:
    path = place / "kept" / "state"
    file = SharedFile.at(path)
    path.unlink()
    path.symlink_to("/etc/passwd")
    with pytest.raises(StateFileError, match="can't be read"):
        file.read()


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o644, 0o664, 0o400])
def test_the_mode_stays(place: Path, mode: int) -> None:
    path = place / "kept" / "state"
    path.chmod(mode)
    write(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_the_owner_stays_where_this_user_may_set_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, given = place / "kept" / "state", []
    monkeypatch.setattr(os, "fchown", lambda descriptor, user, group: given.append((user, group)))
    write(path, "new")
    assert given == [(path.stat().st_uid, path.stat().st_gid)]

    def forbidden(descriptor: int, user: int, group: int) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "fchown", forbidden)
    write(path, "newer")
    assert path.read_text() == "newer"


def test_a_new_file_is_its_owners_alone(place: Path) -> None:
    path = place / "kept" / "new"
    write(path, "new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/null"), lambda path: path.symlink_to("elsewhere")],
    ids=["FIFO", "directory", "device", "link"],
)
def test_a_lock_that_is_not_a_file_is_refused_at_once(place: Path, make: Callable[[Path], None]) -> None:
    make(place / "kept" / "state.lock")
    with pytest.raises(StateFileError, match="its lock"):
        write(place / "kept" / "state", "new")
    assert (place / "kept" / "state").read_text() == "old"


def test_links_to_one_file_share_its_lock(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditseal_auditor.state.shared_file._LOCK_SECONDS", 0.0)
    link = place / "links" / "link"
    link.symlink_to("../kept/state")
    held = "import sys; from pathlib import Path; from auditseal_auditor.state.shared_file import SharedFile\n"
    held += "with SharedFile.at(Path(sys.argv[1])).locked(): print(flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", held, str(link)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        other.stdout.readline()
        with pytest.raises(StateFileError, match="another run has held"):
            write(place / "kept" / "state", "new")
        assert other.stdin
        other.stdin.close()


def test_a_write_that_fails_leaves_the_old_file_and_no_other(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(descriptor: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(place / "kept" / "state", "new")
    assert (place / "kept" / "state").read_text() == "old"
    assert sorted(entry.name for entry in (place / "kept").iterdir()) == ["state", "state.lock"]
