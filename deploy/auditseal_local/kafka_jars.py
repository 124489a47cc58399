"""Kafka's jars: a locked list with hashes, fetched once.

jgo's resolver makes `kafka_jars.lock` from Kafka's POM. It is Python and needs no Maven. The lock also has the binding
through which Kafka logs, and Kafka's tools. They are in Kafka's archive but not in its POM. Fetching follows the lock:
it reads no POM, and no mirror can change a byte. `python -m auditseal_local.kafka_jars` prints a new lock.
"""

import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any, Self

import requests

from auditseal_local.cache import cache_dir, exclusive, sha256_of
from auditseal_local.errors import LocalStackError
from auditseal_local.progress import Progress

KAFKA = "org.apache.kafka:kafka_2.13:4.1.1"
_TOOLS = "kafka-tools"  # the tools that we run need none of its own dependencies, such as Kafka Connect
_LOG_BINDING = "log4j-slf4j-impl"  # Kafka's clients speak slf4j 1.7
_LOCK = "kafka_jars.lock"
_CONNECTIONS = 8
_PAUSES = (1.0, 4.0)  # s, between the tries of one download


@dataclass(frozen=True)
class Jar:
    """One jar: its Maven coordinates and the SHA-256 of its bytes."""

    group: str
    artifact: str
    version: str
    sha256: str

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read `group:artifact:version sha256`."""
        coordinates, sha256 = line.split(" ")
        group, artifact, version = coordinates.split(":")
        return cls(group, artifact, version, sha256)

    def format(self) -> str:
        """Write what `parse` reads."""
        return f"{self.group}:{self.artifact}:{self.version} {self.sha256}"

    def is_at(self, path: Path) -> bool:
        """Return whether a file is this jar, byte for byte."""
        return path.is_file() and sha256_of(path) == self.sha256

    @property
    def filename(self) -> str:
        """The file's name in a Maven repository."""
        return f"{self.artifact}-{self.version}.jar"


def locked_jars() -> list[Jar]:
    """Return the jars of the lock file, in class path order."""
    return [Jar.parse(line) for line in files("auditseal_local").joinpath(_LOCK).read_text().splitlines()]


def class_path(progress: Progress) -> list[Path]:
    """Return the paths of Kafka's jars, fetched on first use and compared with the lock at each use.

    Raises:
        LocalStackError: A jar can't be fetched, or is not the one of the lock.
    """
    jars = locked_jars()
    folder = cache_dir() / f"{KAFKA.replace(':', '-')}-{_lock_tag()}"
    with exclusive(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            _fetch(jars, folder, progress)
    changed = [jar.filename for jar in jars if not jar.is_at(folder / jar.filename)]
    if changed:
        raise LocalStackError(f"{', '.join(changed)} in {folder} changed: remove {folder} to have it fetched again")
    return [folder / jar.filename for jar in jars]


def _lock_tag() -> str:
    """Return a name for the lock's content: jars of another lock have another directory."""
    return sha256(files("auditseal_local").joinpath(_LOCK).read_bytes()).hexdigest()[:12]


def _fetch(jars: list[Jar], folder: Path, progress: Progress) -> None:
    """Fetch all jars next to `folder` and rename them to it at once, so that it is complete or absent."""
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetch-") as temporary:
        context = _maven(Path(temporary) / "repository")
        staged = Path(temporary) / "jars"
        staged.mkdir()

        def fetch(jar: Jar) -> None:
            path = _download(context.project(jar.group, jar.artifact).at_version(jar.version).artifact())
            if not jar.is_at(path):
                raise LocalStackError(f"{jar.filename} as downloaded is not the jar that {_LOCK} names: refused")
            path.replace(staged / jar.filename)

        with ThreadPoolExecutor(_CONNECTIONS) as pool:
            for done, _ in enumerate(pool.map(fetch, jars), 1):
                progress(f"Kafka: downloading, {done} of {len(jars)} jars")
        staged.rename(folder)


def _download(artifact: Any, pauses: tuple[float, ...] = _PAUSES) -> Path:
    """Download, and try again after each pause, because one of some 90 requests often fails.

    Raises:
        LocalStackError: No attempt succeeded.
    """
    try:
        return Path(artifact.resolve())
    except (requests.RequestException, RuntimeError) as error:
        artifact.cached_path.unlink(missing_ok=True)  # what came of it would pass for the whole
        if not pauses:
            raise LocalStackError(f"can't download {artifact}: {error}. Is a Maven repository reachable?") from error
    time.sleep(pauses[0])
    return _download(artifact, pauses[1:])


def _maven(repository: Path) -> Any:
    """Return jgo's Maven with a repository of its own, and the mirrors of the user's jgo configuration first."""
    from jgo.config import GlobalSettings  # noqa: PLC0415  (its import takes 0.2 s and a warm start needs none of it)
    from jgo.constants import MAVEN_CENTRAL_URL  # noqa: PLC0415
    from jgo.maven import MavenContext  # noqa: PLC0415

    remotes = {**GlobalSettings.load().repositories, "central": MAVEN_CENTRAL_URL}
    return MavenContext(repo_cache=repository, remote_repos=remotes, timeout=30)


def _resolve_lock(context: Any) -> Iterator[Jar]:
    """Resolve Kafka, its log binding and its tools to jars, downloading each to hash it."""
    from jgo.parse import Endpoint  # noqa: PLC0415

    coordinate = replace(Endpoint.parse(KAFKA).coordinates[0], scope="compile")
    given, transitive = context.resolver.resolve([context.create_dependency(coordinate)])
    artifacts = [d.artifact for d in [*given, *transitive] if d.scope in {"compile", "runtime"}]
    core = next(a for a in artifacts if a.artifactId == "log4j-core")
    artifacts.append(context.project(core.groupId, _LOG_BINDING).at_version(core.version).artifact())
    kafka = artifacts[0]
    artifacts.append(context.project(kafka.groupId, _TOOLS).at_version(kafka.version).artifact())
    for a in artifacts:
        yield Jar(a.groupId, a.artifactId, a.version, sha256_of(_download(a)))


def _print_lock(jars: Iterable[Jar]) -> None:
    sys.stdout.writelines(f"{jar.format()}\n" for jar in jars)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        _print_lock(_resolve_lock(_maven(Path(scratch))))
