"""Kafka's jars: a locked list with hashes, fetched once and compared at each use.

`kafka_jars.lock` is made by `kafka_lock`. Fetching follows the lock: it reads no POM, and no mirror can change a byte.
"""

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Self

from auditseal_local.cache import cache_dir, exclusive, sha256_of
from auditseal_local.errors import LocalStackError
from auditseal_local.progress import Progress

KAFKA = "org.apache.kafka:kafka_2.13:4.1.1"
_LOCK = "kafka_jars.lock"


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

    @property
    def path(self) -> str:
        """The file's path in a Maven repository."""
        return f"{self.group.replace('.', '/')}/{self.artifact}/{self.version}/{self.filename}"


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
            from auditseal_local.jar_download import fetch_jars  # noqa: PLC0415  (its libraries take 0.3 s to load)

            fetch_jars(jars, folder, progress)
    changed = [jar.filename for jar in jars if not jar.is_at(folder / jar.filename)]
    if changed:
        raise LocalStackError(f"{', '.join(changed)} in {folder} changed: remove {folder} to have it fetched again")
    return [folder / jar.filename for jar in jars]


def _lock_tag() -> str:
    """Return a name for the lock's content: jars of another lock have another directory."""
    return sha256(files("auditseal_local").joinpath(_LOCK).read_bytes()).hexdigest()[:12]
