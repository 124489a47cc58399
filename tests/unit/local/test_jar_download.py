"""A jar's download: tried again, from mirrors first, and never a part of a jar."""

import hashlib
from pathlib import Path

import pytest
import requests

from auditseal_local import jar_download
from auditseal_local.errors import LocalStackError
from auditseal_local.jar_download import fetch
from auditseal_local.locked_jars import Jar
from tests.factory.web import Repository

JAR = Jar("org.example", "a", "1", hashlib.sha256(b"jar").hexdigest())


def download(path: Path, *repositories: Repository, pauses: tuple[float, ...] = (0, 0)) -> bytes:
    with requests.Session() as session:
        fetch(session, [repository.url for repository in repositories], JAR, path / "a.jar", pauses)
    return (path / "a.jar").read_bytes()


def test_a_download_that_breaks_off_is_tried_again_from_its_start(tmp_path: Path) -> None:
    with Repository({JAR.path: b"jar"}, failures=["reset", "cut"]) as central:
        assert download(tmp_path, central) == b"jar"
        assert len(central.asked) == 3


def test_a_download_that_never_succeeds_says_so(tmp_path: Path) -> None:
    with (
        Repository({JAR.path: b"jar"}, failures=[503, 503, 503]) as central,
        pytest.raises(LocalStackError, match=r"can't download a-1\.jar: .*503.* Is a Maven repository reachable"),
    ):
        download(tmp_path, central)
    assert len(central.asked) == 3
    assert not (tmp_path / "a.jar").exists()


def test_a_mirror_is_asked_first_and_need_not_have_everything(tmp_path: Path) -> None:
    with Repository({}) as empty, Repository({JAR.path: b"jar"}) as full, Repository({JAR.path: b"jar"}) as central:
        assert download(tmp_path, empty, full, central) == b"jar"
        assert (len(empty.asked), len(full.asked), central.asked) == (1, 1, [])


def test_a_mirror_can_not_change_a_byte(tmp_path: Path) -> None:
    with (
        Repository({JAR.path: b"jaR"}) as mirror,
        Repository({JAR.path: b"jar"}) as central,
        pytest.raises(LocalStackError, match="refused"),
    ):
        download(tmp_path, mirror, central)


def test_maven_central_is_the_last_repository() -> None:
    assert jar_download._repositories()[-1] == "https://repo.maven.apache.org/maven2"
