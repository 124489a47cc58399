"""What the local stack fetches and builds: pinned, checked, whole or not there."""

import hashlib
import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests

from auditseal_local import kafka_jars
from auditseal_local.errors import LocalStackError
from auditseal_local.kafka_jars import Jar
from auditseal_local.progress import silent

pytestmark = pytest.mark.usefixtures("own_cache")


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


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(b"jaR"), lambda path: path.unlink()])
def test_a_cached_jar_that_changed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm) -> None:
    monkeypatch.setattr(kafka_jars, "locked_jars", lambda: jars_of(hashlib.sha256(b"jar").hexdigest()))
    monkeypatch.setattr(kafka_jars, "_maven", lambda _folder: FakeMaven(tmp_path))
    path = kafka_jars.class_path(silent)[1]
    harm(path)
    with pytest.raises(LocalStackError, match=rf"b-1\.jar in {path.parent} changed: remove {path.parent}"):
        kafka_jars.class_path(silent)


def test_another_jar_than_the_locked_one_is_refused(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_jars, "locked_jars", lambda: jars_of("00" * 32))
    monkeypatch.setattr(kafka_jars, "_maven", lambda _folder: FakeMaven(tmp_path))
    with pytest.raises(LocalStackError, match=r"is not the jar that kafka_jars\.lock names"):
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
