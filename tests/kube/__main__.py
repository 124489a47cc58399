"""Install the Helm chart on a real kube-apiserver as a dry run, which checks each object and stores none.

The namespace enforces the restricted Pod Security Standard, and a violation is a warning here. Strimzi's kinds are left
out: their definitions are not published as a package. Two spoilt objects have to be refused, so that a pass counts.
"""

import sys
import tempfile
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from tests.factory.helm import VALUES, objects, rendered
from tests.factory.kube_apiserver import KUBERNETES, ApiServerNode, EtcdNode

NAMESPACE = "audit"
LEAST = 45
"""Objects; fewer mean that a part of the chart was not rendered."""
_STRIMZI = {"KafkaTopic", "KafkaUser"}
_DEFINITIONS = Path(__file__).parents[1] / "data" / "prometheus_operator"
_KNOWN_SECONDS = 30.0


def main() -> int:
    """Say what the server answered for each object; return 1 where it refused one, or took a spoilt one."""
    with tempfile.TemporaryDirectory(prefix="auditseal-kube-") as name:
        folder = Path(name)
        chart = chart_objects(folder)
        with (
            EtcdNode(folder / "etcd") as etcd,
            ApiServerNode(folder / "apiserver", etcd, progress=print) as server,
        ):
            prepare(server, chart)
            problems = [*install(server, chart), *spoil(server, chart)]
    for problem in problems:
        print(problem, file=sys.stderr)
    return min(len(problems), 1)


def chart_objects(folder: Path) -> list[dict[str, Any]]:
    """Return the chart's objects with everything switched on, but those of Strimzi's kinds."""
    values = folder / "values.yaml"
    values.write_text(yaml.safe_dump(VALUES))
    version = ".".join(KUBERNETES.version.removeprefix("v").split(".")[:2])
    found = [each for each in objects(rendered(values, version)) if each["kind"] not in _STRIMZI]
    for each in found:
        each["metadata"]["namespace"] = NAMESPACE
    return found


def prepare(server: ApiServerNode, chart: list[dict[str, Any]]) -> None:
    """Create the namespace, and the definitions of the Prometheus operator."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    metadata = {"name": NAMESPACE, "labels": labels}
    server.create({"apiVersion": "v1", "kind": "Namespace", "metadata": metadata})
    for path in sorted(_DEFINITIONS.glob("*.yaml")):
        server.create(yaml.safe_load(path.read_text()))
    deadline = time.monotonic() + _KNOWN_SECONDS
    while not all(map(server.knows, chart)):
        assert time.monotonic() < deadline, "the server does not know all kinds of the chart"
        time.sleep(0.2)


def install(server: ApiServerNode, chart: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each object that the server refuses or warns of, and print one for each other."""
    if len(chart) < LEAST:
        yield f"the chart has {len(chart)} objects, not {LEAST}"
    for each in chart:
        name = f"{each['kind']} {each['metadata']['name']}"
        refusal, warnings = server.dry_run(each)
        if refusal or warnings:
            yield f"{name}: {refusal or warnings[0]}"
        else:
            print(f"{name}: taken")


def spoil(server: ApiServerNode, chart: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each spoilt object that passes: a misspelled key, a wrong value, a pod with too many rights."""
    sealer = next(each for each in chart if each["kind"] == "StatefulSet")
    misspelled, wrong, mighty = (deepcopy(sealer) for _ in range(3))
    misspelled["spec"]["replica"] = 1
    wrong["spec"]["podManagementPolicy"] = "Sometimes"
    mighty["spec"]["template"]["spec"]["hostNetwork"] = True
    for spoilt, said in ((misspelled, "spec.replica"), (wrong, "Sometimes"), (mighty, "restricted")):
        refusal, warnings = server.dry_run(spoilt)
        if said not in " ".join([refusal, *warnings]):
            yield f"an object with a fault passed, which {said} should name: {refusal or warnings}"


if __name__ == "__main__":
    sys.exit(main())
