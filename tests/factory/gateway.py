"""A gateway as a thread of the test's process or as a process, its clients, and the events that reached Kafka."""

import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from confluent_kafka.admin import AdminClient
from prometheus_client import CollectorRegistry

from auditseal_gateway.clients import Client, ClientDirectory
from auditseal_gateway.config import GatewayConfig, Limits
from auditseal_gateway.metrics import GatewayMetrics
from auditseal_gateway.server import run_gateway
from auditseal_gateway.tokens import digest_of, make_token
from auditseal_local.ports import accepts, free_ports
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_parts import Source
from tests.factory.sealing import COMMITTED, read_topic

BILLING = Source(service="billing", environment="test")
PORTAL = Source(service="portal", environment="test", region="eu")
TOKENS = {source.service: make_token() for source in (BILLING, PORTAL)}
CLIENTS = (
    Client(BILLING, (digest_of(TOKENS["billing"]),), ("dns:billing.example.com",), ("billing-job",)),
    Client(PORTAL, (digest_of(TOKENS["portal"]),)),
)
EVENT = {
    "actor": {"type": "user", "id": "u-1"},
    "action": "approve",
    "resources": [{"type": "invoice", "id": "7"}],
    "outcome": "SUCCESS",
}
PATH = "/v1/events"
JSON = "application/json"


def event(number: int, **more: Any) -> dict[str, Any]:
    """Return an event with an id of its own."""
    return {**EVENT, "event_id": f"019390a0-0000-7000-8000-{number:012x}", **more}


@dataclass
class Answer:
    """An answer over HTTP; `results` and `statuses` read a gateway's body."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def results(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.json["results"]
        return found

    @property
    def statuses(self) -> list[int]:
        return [result["status"] for result in self.results]


def exchange(
    port: int,
    method: str,
    path: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    seconds: float = 30,
) -> Answer:
    """Send a request to a server of this machine on a connection of its own; return the answer."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=seconds)
    try:
        connection.request(method, path, body, headers or {})
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())
    finally:
        connection.close()


@dataclass
class RunningGateway:
    """A gateway that serves.

    Attributes:
        port: Its port on this machine.
        topic: Where it publishes.
        servers: The brokers.
        metrics: Its metrics.
        troubles: What it said of the brokers; None if they answered.
    """

    port: int
    topic: str
    servers: str
    metrics: CollectorRegistry
    troubles: list[str | None] = field(default_factory=list)

    def post(
        self, body: Any, path: str = PATH, token: str | None = TOKENS["billing"], kind: str = JSON, **headers: str
    ) -> Answer:
        """Send a request: bytes as they are, anything else as JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
        if token is not None:
            sent["authorization"] = f"Bearer {token}"
        return exchange(self.port, "POST", path, data, sent)

    def events(self) -> list[AuditEvent]:
        """Return all events that are in the topic, in their order."""
        return read_events(self.servers, self.topic)

    def sample(self, name: str, **labels: str) -> float | None:
        """Return the value of a metric."""
        return self.metrics.get_sample_value(name, labels)


@contextmanager
def gateway(servers: str, topic: str, limits: Limits | None = None, **changed: Any) -> Iterator[RunningGateway]:
    """Run a gateway in a thread of this process."""
    (port,) = free_ports(1)
    config = GatewayConfig("127.0.0.1", port, ClientDirectory(CLIENTS), topic, {"bootstrap.servers": servers})
    config = replace(config, limits=limits or Limits(), **changed)
    running, stop = RunningGateway(port, topic, servers, CollectorRegistry()), threading.Event()
    with ThreadPoolExecutor(1) as pool:
        serving = pool.submit(run_gateway, config, GatewayMetrics(running.metrics), running.troubles.append, stop)
        try:
            while not (serving.done() or accepts(port)):
                time.sleep(0.02)
            if not serving.done():
                yield running
        finally:
            stop.set()
            serving.result(30)


def read_events(servers: str, topic: str) -> list[AuditEvent]:
    """Return all events of a topic, in the order of its partitions and offsets."""
    partitions = AdminClient({"bootstrap.servers": servers}).list_topics(topic, timeout=60).topics[topic].partitions
    values = (value for number in sorted(partitions) for _, value in read_topic(servers, topic, number, COMMITTED))
    return [decode_event(value or b"") for value in values]


def clients_file(path: Path, clients: Sequence[Client] = CLIENTS) -> Path:
    """Write a clients file."""
    lines: list[str] = []
    for client in clients:
        source = client.source
        lines += ["[[client]]", f'service = "{source.service}"', f'environment = "{source.environment}"']
        for name in ("token_sha256", "certificates", "subjects"):
            lines.append(f"{name} = {json.dumps(list(getattr(client, name)))}")
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def gateway_process(config: Path) -> Iterator[tuple["subprocess.Popen[bytes]", str, str]]:
    """Run `auditseal gateway`; yield the process and the URLs of its telemetry and of its service."""
    command = [sys.executable, "-m", "auditseal", "gateway", "--config", str(config)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDITSEAL_")}
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment) as process:
        try:
            assert process.stderr
            lines = (json.loads(line) for line in process.stderr)
            telemetry = next(line["telemetry"] for line in lines if "telemetry" in line)
            url = next(line["url"] for line in lines if "url" in line)
            yield process, telemetry, url
        finally:
            process.kill()
