"""An index in a directory: anything but a regular file is refused, and nothing waits for it; damage is named."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_store import DirectoryStore
from auditseal_search.manifest import Manifest

LOG = PinnedLog(Origin("search.example.com", "audit.events", 0, 0), ())


@pytest.mark.parametrize(
    "make",
    [os.mkfifo, Path.mkdir, lambda path: path.symlink_to("/dev/zero")],
    ids=["a FIFO", "a directory", "a link to a device"],
)
def test_what_is_not_a_regular_file_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "manifest.json")
    store = DirectoryStore(tmp_path)
    for read in (lambda: store.read("manifest.json"), lambda: store.fetch("manifest.json", tmp_path / "copy")):
        with pytest.raises(UnavailableError, match=r"manifest\.json is not a regular file: remove it"):
            read()
    assert not (tmp_path / "copy").exists()


def test_a_file_that_is_not_there_is_told_from_one_that_cannot_be_read(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    assert store.read("manifest.json") is None
    assert store.fetch("manifest.json", tmp_path / "copy") is False


@pytest.mark.parametrize("data", [b"[" * 200_000, b'{"version": ' + b"9" * 5_000 + b"}", b"", b"\xff"])
def test_a_manifest_that_no_reader_takes_is_damaged(data: bytes) -> None:
    with pytest.raises(BrokenIndexError, match="is damaged"):
        Manifest.parse(data, LOG)
