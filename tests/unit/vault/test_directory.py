"""What a put that was killed leaves in a directory vault, and who removes it."""

import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from auditseal_vault.directory import DirectoryVault


def left_behind(root: Path, name: str, age: timedelta) -> Path:
    """Leave a file as a put does that was killed so long ago."""
    path = root / ".staging" / name
    path.write_bytes(b"half a block")
    path.chmod(0o444)
    then = time.time() - age.total_seconds()
    os.utime(path, (then, then))
    return path


def test_a_put_removes_what_killed_ones_left_and_leaves_the_living_alone(tmp_path: Path) -> None:
    vault, until = DirectoryVault(tmp_path), datetime.now(UTC) + timedelta(days=1)
    vault.put("v1/first", b"1", until)
    assert list((tmp_path / ".staging").iterdir()) == []
    stale = left_behind(tmp_path, "tmpstale", timedelta(hours=2))
    living = left_behind(tmp_path, "tmpliving", timedelta(minutes=50))
    vault.put("v1/second", b"2", until)
    assert not stale.exists()
    assert living.read_bytes() == b"half a block"
    assert [version.key for version in vault.versions("")] == ["v1/first", "v1/second"]


def test_blocks_are_no_leftovers_however_old(tmp_path: Path) -> None:
    vault, until = DirectoryVault(tmp_path), datetime.now(UTC) + timedelta(days=1)
    vault.put("v1/first", b"1", until)
    os.utime(tmp_path / "v1/first", (0, 0))
    vault.put("v1/second", b"2", until)
    assert vault.read("v1/first") == b"1"
