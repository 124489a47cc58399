"""Print a new `kafka_jars.lock`: `python -m auditseal_local.kafka_lock`.

jgo's resolver reads Kafka's POM. It is Python and needs no Maven. The binding through which Kafka logs, and Kafka's
tools, are in Kafka's archive but not in its POM; they are added here.
"""

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

_TOOLS = "kafka-tools"  # the tools that we run need none of its own dependencies, such as Kafka Connect
_LOG_BINDING = "log4j-slf4j-impl"  # Kafka's clients speak slf4j 1.7


def resolve(context: Any) -> Iterator[Jar]:
    """Resolve Kafka, its log binding and its tools to jars, and download each to hash it."""
    coordinate = replace(Endpoint.parse(KAFKA).coordinates[0], scope="compile")
    given, transitive = context.resolver.resolve([context.create_dependency(coordinate)])
    artifacts = [d.artifact for d in [*given, *transitive] if d.scope in {"compile", "runtime"}]
    core = next(a for a in artifacts if a.artifactId == "log4j-core")
    artifacts.append(context.project(core.groupId, _LOG_BINDING).at_version(core.version).artifact())
    kafka = artifacts[0]
    artifacts.append(context.project(kafka.groupId, _TOOLS).at_version(kafka.version).artifact())
    for a in artifacts:
        yield Jar(a.groupId, a.artifactId, a.version, sha256_of(Path(a.resolve())))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        jars = resolve(MavenContext(repo_cache=Path(scratch), timeout=30))
        sys.stdout.writelines(f"{jar.format()}\n" for jar in jars)
