"""The behaviour of every node, shown on one that is a shell script."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from auditseal_local.errors import LocalStackError
from auditseal_local.node import Node
from auditseal_local.process import ProcessId


class Script(Node):
    title: ClassVar[str] = "Script"
    port_names: ClassVar[tuple[str, ...]] = ("a", "b")
    start_seconds: ClassVar[float] = 1.5
    script = "touch ready; exec sleep 60"

    def prepare(self) -> Sequence[str]:
        return ["/bin/sh", "-c", f"cd '{self.directory}'; {self.script}"]

    def is_ready(self) -> bool:
        return (self.directory / "ready").exists()

    @property
    def address(self) -> str:
        return str(self.ports["a"])


class Failing(Script):
    script = "echo broken pipe dream; exit 3"


class Hanging(Script):
    script = "echo hanging; exec sleep 60"


def test_starts_once_and_stops(tmp_path: Path) -> None:
    lines: list[str] = []
    with Script(tmp_path, progress=lines.append) as node:
        assert node.running
        assert Script(tmp_path).running  # another process would see it too
        with pytest.raises(LocalStackError, match="runs already"):
            Script(tmp_path).start()
    assert not node.running
    assert not (tmp_path / "process.json").exists()
    assert lines[0] == "Script: starting"
    assert lines[-1].startswith("Script: ready after")


def test_ports_are_different_and_stay(tmp_path: Path) -> None:
    ports = Script(tmp_path).ports
    assert ports["a"] != ports["b"]
    assert Script(tmp_path).ports == ports


def test_a_process_that_ends_shows_code_and_log(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"(?s)ended with code 3.*server\.log:\nbroken pipe dream"):
        Failing(tmp_path).start()


def test_a_process_that_never_serves_is_ended(tmp_path: Path) -> None:
    lines: list[str] = []
    node = Hanging(tmp_path, progress=lines.append)
    with pytest.raises(LocalStackError, match=r"(?s)doesn't serve after 2 s.*hanging"):
        node.start()
    assert not node.running
    assert "Script: starting, 1 s" in lines


def test_ctrl_c_while_it_starts_ends_it(tmp_path: Path) -> None:
    def interrupt(line: str) -> None:
        if line == "Script: starting, 1 s":
            raise KeyboardInterrupt

    node = Hanging(tmp_path, progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        node.start()
    assert not node.running


def test_a_stale_process_file_is_no_running_process(tmp_path: Path) -> None:
    ProcessId(1, 0.0).write(tmp_path / "process.json")
    node = Script(tmp_path)
    assert not node.running
    assert node.resident_bytes == 0
    node.stop()
    assert not (tmp_path / "process.json").exists()


def test_the_callers_settings_do_not_leak_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")
    monkeypatch.setenv("MINIO_ROOT_USER", "someone")
    assert set(Script(tmp_path).environment()) <= {"HOME", "LANG", "LC_ALL", "PATH", "TZ"}
