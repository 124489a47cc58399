"""Copying a log: the next batch is read while the store writes the one before it, and nothing beyond that."""

import threading
from collections.abc import Iterable
from pathlib import Path

import pytest

from auditseal_archiver import replication
from auditseal_archiver.replication import Replication
from auditseal_schemas.trust import Trust
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.interface import NewObject
from tests.factory.copies import BLOCKS, LOG, content, put, write_trust

BATCH = 8
LAST = [LOG.block_key(height) for height in (BATCH - 1, 2 * BATCH - 1, len(BLOCKS) - 1)]
"""Of each batch."""


class Original(DirectoryVault):
    """Reports when the last block of a batch was read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.was_read = {key: threading.Event() for key in LAST}

    def read(self, key: str, version_id: str = "") -> bytes:
        data = super().read(key, version_id)
        if key in self.was_read:
            self.was_read[key].set()
        return data


class Copy(DirectoryVault):
    """Writes a batch only after the next one was read."""

    def __init__(self, root: Path, original: Original) -> None:
        super().__init__(root)
        self._original = original

    def put_many(self, objects: Iterable[NewObject]) -> None:
        written = list(objects)
        batch = LAST.index(written[-1].key)
        for following in LAST[batch + 1 : batch + 2]:
            assert self._original.was_read[following].wait(60), "the next batch was not read meanwhile"
        for later in LAST[batch + 2 :]:
            assert not self._original.was_read[later].is_set(), "more than one batch was read ahead"
        super().put_many(written)


def test_the_next_batch_is_read_while_one_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replication, "BATCH", BATCH)
    for name in ("original", "copy"):
        (tmp_path / name).mkdir()
    put((tmp_path / "original").as_uri(), BLOCKS)
    original = Original(tmp_path / "original")
    (log,) = Trust.parse(write_trust(tmp_path).read_bytes()).logs
    done = Replication(original, Copy(tmp_path / "copy", original), None).run(log)
    assert (done.copied, content((tmp_path / "copy").as_uri())) == (24, content((tmp_path / "original").as_uri()))
