"""The demo's parts, without Kafka: its folder, its environment, and what it takes for caught."""

from pathlib import Path

import pytest

from auditseal.demo.folder import DemoFolder
from auditseal_schemas.errors import ConfigurationError


def test_a_folder_in_use_is_refused_and_left_whole(tmp_path: Path) -> None:
    folder = DemoFolder(tmp_path / "demo")
    with folder.locked():
        folder.events.write_text("recorded")
        with pytest.raises(ConfigurationError, match="another demo runs in"), DemoFolder(folder.directory).locked():
            pytest.fail("two at once")
        assert folder.events.read_text() == "recorded"


def test_a_folder_is_emptied_of_what_an_earlier_demo_left_and_of_nothing_beyond_it(tmp_path: Path) -> None:
    folder, outside = DemoFolder(tmp_path / "demo"), tmp_path / "outside"
    outside.mkdir()
    (outside / "thesis.txt").write_text("mine")
    with folder.locked():
        folder.events.write_text("recorded")
        folder.vault.symlink_to(outside)
    with folder.locked():
        assert [path.name for path in folder.directory.iterdir() if not path.name.startswith(".")] == ["logs"]
        assert list(folder.logs.iterdir()) == []
    assert (outside / "thesis.txt").read_text() == "mine"
