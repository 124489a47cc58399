"""A real Prometheus and its promtool, built from pinned source once."""

import json
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from auditseal_local.go_program import GoModule
from auditseal_local.node import Node
from auditseal_local.ports import LOOPBACK
from auditseal_local.progress import silent

_COMMANDS = "github.com/prometheus/prometheus/cmd"
PROMETHEUS = GoModule(
    title="Prometheus",
    module="github.com/prometheus/prometheus",
    version="v0.316.0",
    digest="h1:f1GRFerhTMKQma+awCoC9T820ecWeGSdF+xAlMHzZzM=",
    pins=Path(__file__).parent / "prometheus_build",
    commands=(f"{_COMMANDS}/promtool", f"{_COMMANDS}/prometheus"),
    tags=("remove_all_sd",),  # the libraries of clouds, which take ten minutes to compile
)


def promtool() -> Path:
    """Return the path of promtool, built if it is missing."""
    return PROMETHEUS.binaries(silent)[0]


class PrometheusNode(Node):
    """A Prometheus that scrapes targets each second and evaluates the project's rules.

    Args:
        directory: As for every node.
        rules: The rules file.
        targets: The addresses, `host:port`, by the name of their job.
    """

    title: ClassVar[str] = "Prometheus"
    port_names: ClassVar[tuple[str, ...]] = ("api",)

    def __init__(self, directory: Path, rules: Path, targets: Mapping[str, str]) -> None:
        super().__init__(directory)
        self._rules, self._targets = rules, targets

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.ports['api']}"

    def prepare(self) -> Sequence[str]:
        scrapes = [
            {"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in self._targets.items()
        ]
        times = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
        config = {"global": times, "rule_files": [str(self._rules)], "scrape_configs": scrapes}
        path = self.directory / "prometheus.json"
        path.write_text(json.dumps(config))  # JSON is YAML
        _, prometheus = PROMETHEUS.binaries(self.progress)
        listen, data = f"{LOOPBACK}:{self.ports['api']}", self.directory / "data"
        return [
            str(prometheus),
            f"--config.file={path}",
            f"--storage.tsdb.path={data}",
            f"--web.listen-address={listen}",
        ]

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/-/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def get(self, path: str, **parameters: str) -> Any:
        """Return the data of an answer of the HTTP API; a query that is refused raises HTTPError."""
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self.address}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]

    def query(self, expression: str) -> list[dict[str, Any]]:
        """Return the samples of an instant query."""
        samples: list[dict[str, Any]] = self.get("query", query=expression)["result"]
        return samples
