"""Lists of jars with their hashes. That of Kafka is `kafka_jars.lock`, which `kafka_lock` makes."""

from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Self

from auditseal_local.cache import sha256_of

KAFKA = "org.apache.kafka:kafka_2.13:4.1.1"
_LOCK: Traversable = files("auditseal_local") / "kafka_jars.lock"


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


def locked_jars(lock: Traversable = _LOCK) -> list[Jar]:
    """Return the jars of a lock file, in class path order."""
    return [Jar.parse(line) for line in lock.read_text().splitlines()]


def lock_tag(lock: Traversable = _LOCK) -> str:
    """Return a name for a lock's content: jars of another lock have another directory."""
    return sha256(lock.read_bytes()).hexdigest()[:12]
