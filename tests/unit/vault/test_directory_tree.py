"""What a directory vault lists besides files, and that it opens nothing else."""

import os
import socket
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.origin import Origin
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.errors import AlreadyStoredError, RefusedObjectError, UnreadableObjectError
from auditseal_vault.log_reader import LogReader

ORIGIN = Origin("audit.example.com", "audit.events", 3, 0)
LOG = f"v1/{ORIGIN}"
UNTIL = datetime(2100, 1, 1, tzinfo=UTC) + timedelta(days=1)
NOBODY = 65534


def make_socket(path: Path) -> None:
    """Make a socket under a short path first: an address has at most 108 bytes."""
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as end:
        end.bind(f"{short}/socket")
        Path(short, "socket").rename(path)


INTRUDERS: dict[str, Callable[[Path], None]] = {
    "link to a file": lambda path: path.symlink_to(path.parent / "000000000000.avro"),
    "link to a directory": lambda path: path.symlink_to("/etc"),
    "link to nothing": lambda path: path.symlink_to("/nowhere"),
    "link to a device": lambda path: path.symlink_to("/dev/zero"),
    "empty directory": lambda path: path.mkdir(),
    "FIFO": os.mkfifo,
    "socket": make_socket,
}


@pytest.fixture
def vault(tmp_path: Path) -> DirectoryVault:
    vault = DirectoryVault(tmp_path)
    vault.put(ORIGIN.block_key(0), b"block 0", UNTIL)
    return vault


def listed(vault: DirectoryVault, prefix: str = f"{LOG}/") -> list[str]:
    return [version.key for version in vault.versions(prefix)]


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_an_entry_that_is_not_a_file_is_listed_and_is_unreadable(
    vault: DirectoryVault, tmp_path: Path, intruder: str
) -> None:
    for key in (ORIGIN.block_key(1), f"{LOG}/blocks/other", f"{LOG}/other"):
        INTRUDERS[intruder](tmp_path / key)
        assert listed(vault) == sorted([ORIGIN.block_key(0), key])
        assert listed(vault, key) == [key]
        assert [version.size for version in vault.versions(key)] == [0]
        with pytest.raises(UnreadableObjectError, match="and not a file"):
            vault.read(key)
        with pytest.raises(AlreadyStoredError):
            vault.put(key, b"", UNTIL)
        (tmp_path / key).rmdir() if intruder == "empty directory" else (tmp_path / key).unlink()


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_a_daemon_that_needs_the_height_halts_as_squatted(vault: DirectoryVault, tmp_path: Path, intruder: str) -> None:
    INTRUDERS[intruder](tmp_path / ORIGIN.block_key(1))
    log = LogReader(vault, ORIGIN)
    for call in (log.head, lambda: log.stored(1), lambda: log.block(1)):
        with pytest.raises(HaltError, match="and not a file") as caught:
            call()
        assert caught.value.halt is Halt.SQUATTED


def test_a_device_is_not_opened() -> None:
    with pytest.raises(UnreadableObjectError, match="null is a device and not a file"):
        DirectoryVault(Path("/dev")).read("null")


def test_a_directory_at_a_blocks_key_is_listed_with_what_it_holds(vault: DirectoryVault, tmp_path: Path) -> None:
    (tmp_path / ORIGIN.block_key(1) / "inner").mkdir(parents=True)
    (tmp_path / ORIGIN.block_key(1) / "file").write_bytes(b"")
    (tmp_path / LOG / "full").mkdir()
    (tmp_path / LOG / "full" / "file").write_bytes(b"")
    assert listed(vault) == [
        ORIGIN.block_key(0),
        ORIGIN.block_key(1),
        f"{ORIGIN.block_key(1)}/file",
        f"{ORIGIN.block_key(1)}/inner",
        f"{LOG}/full/file",
    ]


def test_the_empty_directories_that_a_put_makes_are_not_listed(tmp_path: Path) -> None:
    vault = DirectoryVault(tmp_path)
    for folder in (tmp_path / LOG / "blocks", tmp_path / "v1/other.example/topic/0/0", tmp_path / "v1/else"):
        folder.mkdir(parents=True)
    for prefix in ("", "v1/", f"{LOG}/", ORIGIN.blocks_prefix, ORIGIN.block_key(0)):
        assert listed(vault, prefix) == []
    (tmp_path / LOG / "blocks/blocks").mkdir()
    assert listed(vault) == [f"{LOG}/blocks/blocks"]


@pytest.mark.parametrize("link", ["v1", "v1/audit.example.com", f"v1/{ORIGIN}"])
def test_the_directories_down_to_a_log_may_be_links(vault: DirectoryVault, tmp_path: Path, link: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / link).rename(tmp_path / "elsewhere/there")
    (tmp_path / link).symlink_to(tmp_path / "elsewhere/there")
    assert listed(vault) == listed(vault, "v1/") == [ORIGIN.block_key(0)]
    assert vault.read(ORIGIN.block_key(0)) == b"block 0"
    vault.put(ORIGIN.block_key(1), b"block 1", UNTIL)
    assert (tmp_path / "elsewhere/there").is_dir()
    assert LogReader(vault, ORIGIN).stored(1).data == b"block 1"
    (tmp_path / "elsewhere/there").rename(tmp_path / "elsewhere/unmounted")
    for call in (
        lambda: listed(vault),
        lambda: vault.read(ORIGIN.block_key(0)),
        lambda: vault.put(ORIGIN.block_key(2), b"", UNTIL),
    ):
        with pytest.raises(UnavailableError):
            call()
    with pytest.raises(UnavailableError, match="leads nowhere: is its disk mounted"):
        listed(vault)


@pytest.mark.parametrize("is_link", [True, False], ids=["a link", "a file"])
def test_the_directory_of_blocks_is_the_logs_own(vault: DirectoryVault, tmp_path: Path, is_link: bool) -> None:
    blocks = tmp_path / LOG / "blocks"
    blocks.rename(tmp_path / "moved")
    blocks.symlink_to(tmp_path / "moved") if is_link else blocks.write_bytes(b"")
    assert listed(vault) == [f"{LOG}/blocks"]
    for call in (
        lambda: vault.read(ORIGIN.block_key(0)),
        lambda: listed(vault, ORIGIN.blocks_prefix),
        lambda: vault.put(ORIGIN.block_key(1), b"", UNTIL),
    ):
        with pytest.raises(UnreadableObjectError):
            call()
    with pytest.raises(HaltError, match="blocks is not a directory of the log's own") as caught:
        LogReader(vault, ORIGIN).head()
    assert caught.value.halt is Halt.SQUATTED
    assert [path.name for path in (tmp_path / "moved").iterdir()] == ["000000000000.avro"]


def test_a_file_where_a_logs_directory_should_be(tmp_path: Path) -> None:
    vault = DirectoryVault(tmp_path)
    (tmp_path / "v1").write_bytes(b"")
    for call in (lambda: listed(vault), lambda: vault.put(ORIGIN.block_key(0), b"", UNTIL)):
        with pytest.raises(UnreadableObjectError, match="v1 is not a directory"):
            call()


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """Return a directory of a user who isn't root, as whom the test runs: root may read everything."""
    with tempfile.TemporaryDirectory() as folder:
        user = os.geteuid()
        if user == 0:
            os.chown(folder, NOBODY, NOBODY)
            os.seteuid(NOBODY)
        try:
            yield Path(folder)
        finally:
            os.seteuid(user)


def test_a_file_without_permission_is_refused_and_others_are_read(unprivileged: Path) -> None:
    vault = DirectoryVault(unprivileged)
    for height in range(2):
        vault.put(ORIGIN.block_key(height), b"block %d" % height, UNTIL)
    (unprivileged / ORIGIN.block_key(0)).chmod(0)
    with pytest.raises(RefusedObjectError, match="may this user read it"):
        vault.read(ORIGIN.block_key(0))
    assert vault.read(ORIGIN.block_key(1)) == b"block 1"
    with pytest.raises(UnavailableError):
        LogReader(vault, ORIGIN).stored(0)


def test_a_listing_ascends_and_goes_on_after_any_key(vault: DirectoryVault, tmp_path: Path) -> None:
    keys = [f"{LOG}/blocks/{name}" for name in ("0", "000000000000.avro.bak", "a", "a.b", "a/b", "a0", "a/c/d")]
    keys += [f"{LOG}.b/blocks/x", f"{LOG}0/blocks/x", "v1/x", "v2/x", ORIGIN.block_key(1)]
    for key in keys:
        path = tmp_path / key
        if key.endswith("/a"):
            continue  # a directory by others
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    (tmp_path / ORIGIN.block_key(2)).mkdir()
    (tmp_path / LOG / "empty").mkdir()
    for prefix in ("", "v1", "v1/", f"{LOG}/", f"{LOG}/blocks/a", "v2/"):
        whole = listed(vault, prefix)
        assert whole == sorted(whole)
        for number, after in enumerate(whole):
            for limit in (None, 1, 3):
                found = [version.key for version in vault.versions(prefix, after, limit)]
                assert found == whole[number + 1 :][:limit]
        assert listed(vault, prefix) == whole


def test_a_short_listing_reads_few_directories(
    vault: DirectoryVault, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for partition in range(4, 20):
        vault.put(Origin("audit.example.com", "audit.events", partition, 0).block_key(0), b"", UNTIL)
    scan, read = os.scandir, []
    monkeypatch.setattr(os, "scandir", lambda path: read.append(path) or scan(path))
    (first,) = vault.versions("v1/", f"{LOG}0", limit=1)
    assert first.key == Origin("audit.example.com", "audit.events", 4, 0).block_key(0)
    assert [Path(path).name for path in read] == ["v1", "audit.example.com", "audit.events", "3", "4", "0", "blocks"]
