"""The demo's steps, without Kafka."""

import json
from pathlib import Path

import pytest

from auditseal.demo.folder import DemoFolder
from auditseal.demo.run import Demo
from auditseal.demo.store import DirectoryStore
from auditseal_local.errors import LocalStackError


def test_a_log_without_any_event_is_named_before_verification_would_miss_it(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "demo")
    with folder.locked():
        lines = [{"partition": number, "offset": 0, "sha256": ""} for number in (0, 2)]
        folder.events.write_text("".join(json.dumps(line) + "\n" for line in lines))
        store = DirectoryStore(folder)
        demo = Demo(folder, store, 2, lambda _: None, lambda _: None)
        with store, pytest.raises(LocalStackError, match=r"no event went to demo\.auditseal\.local/audit\.events/1/0,"):
            demo._await_archive(store.reader(), lambda: None)
