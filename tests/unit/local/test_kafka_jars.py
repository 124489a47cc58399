"""Kafka's jars: pinned, fetched once, compared at each use; complete or absent."""

import hashlib
from pathlib import Path

import pytest

from auditseal_local import jar_download, kafka_jars
from auditseal_local.errors import LocalStackError
from auditseal_local.locked_jars import Jar
from auditseal_local.progress import silent
from tests.factory.web import Repository

pytestmark = pytest.mark.usefixtures("own_cache")

SHA256 = hashlib.sha256(b"jar").hexdigest()


def jars_of(sha256: str) -> list[Jar]:
    return [Jar("org.example", name, "1", sha256) for name in ("a", "b")]


@pytest.fixture
def repository(monkeypatch: pytest.MonkeyPatch):
    """A Maven repository that holds both jars, and the lock that names them."""
    with Repository({jar.path: b"jar" for jar in jars_of("")}) as repository:
        monkeypatch.setattr(kafka_jars, "locked_jars", lambda: jars_of(SHA256))
        monkeypatch.setattr(jar_download, "_repositories", lambda: [repository.url])
        yield repository


def test_every_locked_jar_has_a_hash_and_a_place_of_its_own() -> None:
    jars = kafka_jars.locked_jars()
    assert "kafka_2.13-4.1.1.jar" in {jar.filename for jar in jars}
    assert len({jar.filename for jar in jars}) == len(jars) > 40
    assert all(len(bytes.fromhex(jar.sha256)) == 32 for jar in jars)
    assert [Jar.parse(jar.format()) for jar in jars] == jars
    assert jars[0].path == "org/apache/kafka/kafka_2.13/4.1.1/kafka_2.13-4.1.1.jar"


def test_jars_are_fetched_once(repository: Repository, own_cache: Path) -> None:
    lines: list[str] = []
    paths = kafka_jars.class_path(lines.append)
    assert [path.read_bytes() for path in paths] == [b"jar", b"jar"]
    assert lines[-1] == "Kafka: downloading, 2 of 2 jars"
    assert sorted(repository.asked) == [f"/{jar.path}" for jar in jars_of("")]
    assert kafka_jars.class_path(silent) == paths
    assert len(repository.asked) == 2
    assert not list(own_cache.glob("fetch-*"))


@pytest.mark.parametrize("harm", [lambda path: path.write_bytes(b"jaR"), lambda path: path.unlink()])
@pytest.mark.usefixtures("repository")
def test_a_cached_jar_that_changed_is_refused(harm) -> None:
    path = kafka_jars.class_path(silent)[1]
    harm(path)
    with pytest.raises(LocalStackError, match=rf"b-1\.jar in {path.parent} changed: remove {path.parent}"):
        kafka_jars.class_path(silent)


def test_another_jar_than_the_locked_one_is_refused(repository: Repository, own_cache: Path) -> None:
    repository.files[jars_of("")[1].path] = b"jaR"
    with pytest.raises(LocalStackError, match=r"b-1\.jar as downloaded is not the jar that the lock names"):
        kafka_jars.class_path(silent)
    assert [path.suffix for path in own_cache.iterdir()] == [".lock"]
