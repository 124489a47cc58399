"""Print a new `connect_jars.lock`: `python -m tests.peers.connect_lock`, with jgo's resolver as for Kafka's jars."""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from jgo.maven import MavenContext
from jgo.parse import Endpoint

from auditseal_local.cache import sha256_of
from auditseal_local.locked_jars import KAFKA, Jar
from tests.peers.connect_sink import ICEBERG

_KAFKA_VERSION = KAFKA.rpartition(":")[2]
_WANTED = (
    f"org.apache.kafka:connect-runtime:{_KAFKA_VERSION}",
    f"org.apache.kafka:connect-transforms:{_KAFKA_VERSION}",
    f"org.apache.iceberg:iceberg-kafka-connect:{ICEBERG}",
    f"org.apache.iceberg:iceberg-aws:{ICEBERG}",
    f"org.apache.iceberg:iceberg-aws-bundle:{ICEBERG}",
    "org.xerial:sqlite-jdbc:3.50.3.0",  # the database of the sink's catalog
)


def resolve(context: Any) -> Iterator[Jar]:
    """Resolve all together to jars, and download each to hash it."""
    coordinates = [replace(Endpoint.parse(name).coordinates[0], scope="compile") for name in _WANTED]
    given, transitive = context.resolver.resolve([context.create_dependency(each) for each in coordinates])
    for artifact in (d.artifact for d in [*given, *transitive] if d.scope in {"compile", "runtime"}):
        if not artifact.classifier:  # such as ORC's, a format that the sink is not told to write
            yield Jar(artifact.groupId, artifact.artifactId, artifact.version, sha256_of(Path(artifact.resolve())))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        jars = resolve(MavenContext(repo_cache=Path(scratch), timeout=30))
        sys.stdout.writelines(f"{jar.format()}\n" for jar in jars)
