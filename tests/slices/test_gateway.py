"""The gateway when clients, brokers or its own end are slow, and its clients in other languages, on a real Kafka."""

import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography import x509

from auditseal_gateway.config import Limits, Tls
from auditseal_local.kafka import KafkaNode
from auditseal_local.ports import LOOPBACK, free_ports
from auditseal_schemas.exit_codes import ExitCode
from tests.factory.certificates import LOOPBACK_NAME, Authority
from tests.factory.daemons import await_ready
from tests.factory.gateway import (
    BILLING,
    EVENT,
    JSON,
    PATH,
    TOKENS,
    RunningGateway,
    clients_file,
    event,
    gateway,
    gateway_process,
    read_events,
)
from tests.factory.programs import go_program

EXAMPLES = Path(__file__).parents[2] / "examples" / "gateway"
RECORDED = Path(__file__).parents[1] / "data" / "importers" / "kubernetes-recorded.json"


def nobody() -> str:
    """An address at which no broker is."""
    return f"127.0.0.1:{free_ports(1)[0]}"


def test_without_a_broker_the_answer_is_503_in_time_and_a_retry_records_once(tmp_path: Path) -> None:
    limits = Limits(ack_seconds=0.5)
    with gateway(nobody(), "audit.events", limits) as running:
        begun = time.monotonic()
        answer = running.post([event(1), EVENT, {}])
        assert time.monotonic() - begun < 20
        assert (answer.status, answer.statuses) == (503, [503, 503, 400])
        assert int(answer.headers["retry-after"]) > 0
        again = running.post({**EVENT, "event_id": answer.results[1]["event_id"]})
        assert (again.status, again.results[0]["event_id"]) == (503, answer.results[1]["event_id"])
        assert running.sample("auditseal_gateway_waiting_events") == 2  # the retry waits for the same event
        otlp = running.post({"resourceLogs": []}, path="/v1/logs")
        assert otlp.status == 400
        assert otlp.json.keys() == {"message"}


def test_a_spool_takes_over_and_the_next_gateway_delivers(
    kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic, limits = make_topic("events"), Limits(ack_seconds=0.5)
    with gateway(nobody(), topic, limits, spool_dir=tmp_path) as running:
        answer = running.post([event(number) for number in range(20)])
        assert (answer.status, set(answer.statuses)) == (200, {200})
        assert {result["stored"] for result in answer.results} == {"spool"}
        repeated = running.post(event(7))
        assert (repeated.status, repeated.results[0]["repeated"]) == (200, True)
    with gateway(kafka.bootstrap_servers, topic, Limits(), spool_dir=tmp_path) as running:
        assert running.post(event(20)).results[0]["stored"] == "kafka"
        assert [each.event_id for each in running.events()] == [event(number)["event_id"] for number in range(21)]
    assert sorted(path.name for path in tmp_path.glob("*.spool")) == ["billing_test___.spool", "portal_test__eu_.spool"]


def head(length: int = 10, **more: str) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", "host: x", f"authorization: Bearer {TOKENS['billing']}", f"content-type: {JSON}"]
    lines += [f"content-length: {length}", *(f"{name}: {value}" for name, value in more.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def test_a_thousand_idle_connections_and_slow_clients_harm_nobody(
    kafka: KafkaNode, make_topic: Callable[..., str]
) -> None:
    limits = Limits(read_seconds=2, connections=1_100, requests=200)
    with gateway(kafka.bootstrap_servers, make_topic("events"), limits) as running:
        address = ("127.0.0.1", running.port)
        idle = [socket.create_connection(address) for _ in range(1_000)]
        slow_head, slow_body = socket.create_connection(address), socket.create_connection(address)
        slow_head.sendall(head()[:40])
        slow_body.sendall(head(100) + b"{")
        begun = time.monotonic()
        assert [running.post(EVENT).status for _ in range(20)] == [200] * 20
        assert time.monotonic() - begun < 30
        slow_body.settimeout(60)
        assert slow_body.recv(100).startswith(b"HTTP/1.1 408 ")
        for connection in (slow_head, slow_body, *idle):
            connection.settimeout(60)
            while connection.recv(1_000):  # the end comes: none of them stays open
                pass
            connection.close()
        assert len(running.events()) == 20


def test_connections_beyond_the_bound_are_closed_and_the_others_served(
    kafka: KafkaNode, make_topic: Callable[..., str]
) -> None:
    with gateway(kafka.bootstrap_servers, make_topic("events"), Limits(connections=3, read_seconds=30)) as running:
        kept = http.client.HTTPConnection("127.0.0.1", running.port, timeout=60)
        kept.request("POST", PATH, json.dumps(EVENT), {"authorization": f"Bearer {TOKENS['billing']}"})
        kept.getresponse().read()
        others = [socket.create_connection(("127.0.0.1", running.port)) for _ in range(4)]
        for connection in others[2:]:
            connection.settimeout(60)
            assert connection.recv(1) == b""
        kept.request("GET", "/v1/openapi.json")
        assert kept.getresponse().read()
        for each in (kept, *others):
            each.close()


def test_a_certificate_is_a_credential(kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path) -> None:
    ours, others = Authority("ours"), Authority("others")

    def write(name: str, pems: tuple[str, str]) -> tuple[Path, Path]:
        paths = tmp_path / f"{name}.pem", tmp_path / f"{name}.key"
        for path, pem in zip(paths, pems, strict=True):
            path.write_text(pem)
        return paths

    (tmp_path / "ca.pem").write_text(ours.pem)
    tls = Tls(*write("gateway", ours.issue("gateway", [LOOPBACK_NAME])), tmp_path / "ca.pem")

    def post(running: RunningGateway, certificate: tuple[Path, Path] | None) -> int:
        context = ssl.create_default_context(cadata=ours.pem)
        if certificate:
            context.load_cert_chain(*certificate)
        connection = http.client.HTTPSConnection("127.0.0.1", running.port, context=context, timeout=60)
        with closing(connection):
            connection.request("POST", PATH, json.dumps(EVENT), {"content-type": JSON})
            return connection.getresponse().status

    with gateway(kafka.bootstrap_servers, make_topic("events"), tls=tls) as running:
        good = write("billing", ours.issue("a", [x509.DNSName("billing.example.com")]))
        assert post(running, good) == 200
        assert post(running, None) == 401
        unknown = write("unknown", ours.issue("a", [x509.DNSName("other.example.com")]))
        assert post(running, unknown) == 401
        forged = write("forged", others.issue("a", [x509.DNSName("billing.example.com")]))
        with pytest.raises(OSError, match=r"(?i)unknown ca|reset|broken pipe|eof|closed connection"):
            post(running, forged)
        assert [each.source for each in running.events()] == [BILLING]


def settings(folder: Path, servers: str, topic: str, **more: str) -> Path:
    path = folder / "auditseal.toml"
    lines = [f'clients_file = "{clients_file(folder / "clients.toml")}"', "port = 0"]
    lines += [f"{name} = {value}" for name, value in more.items()]
    kafka = f'[kafka]\nbootstrap_servers = "{servers}"\n'
    path.write_text(f'events_topic = "{topic}"\n{kafka}[gateway]\n' + "\n".join(lines))
    return path


def test_the_command_is_ready_when_the_broker_is_and_ends_in_order(
    kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic = make_topic("events")
    with gateway_process(settings(tmp_path, kafka.bootstrap_servers, topic)) as (process, telemetry, url):
        await_ready(telemetry, 200, {"ready": True, "missing": {}})
        port = int(url.rpartition(":")[2])
        statuses = []
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        for number in range(50):
            connection.request("POST", PATH, json.dumps(event(number)), {**bearer(), "content-type": JSON})
            answer = connection.getresponse()
            answer.read()
            statuses.append(answer.status)
        process.send_signal(signal.SIGTERM)
        connection.close()
        assert process.wait(60) == ExitCode.OK
        assert statuses == [200] * 50
    assert len(read_events(kafka.bootstrap_servers, topic)) == 50


def bearer() -> dict[str, str]:
    return {"authorization": f"Bearer {TOKENS['billing']}"}


def run(command: list[str], port: int, folder: Path, **environment: str) -> str:
    token = folder / "billing.token"
    token.write_text(TOKENS["billing"] + "\n")
    given = {"GATEWAY": f"http://{LOOPBACK}:{port}", "TOKEN_FILE": str(token), **environment}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, env={**os.environ, **given}, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


class UnsteadyServer(HTTPServer):
    """Keeps the bodies of what it was sent."""

    timeout = 60

    def __init__(self, port: int) -> None:
        super().__init__((LOOPBACK, port), Unsteady)
        self.bodies = list[bytes]()


class Unsteady(BaseHTTPRequestHandler):
    """Answers with 503 first, and then with a receipt."""

    server: UnsteadyServer

    def do_POST(self) -> None:
        self.server.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        is_first = len(self.server.bodies) == 1
        answer = b"" if is_first else b'{"results": [{"status": 200}]}'
        self.send_response(503 if is_first else 200)
        self.send_header("retry-after", "1")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[list[str]]:
    """The commands of the examples: Go is built where there is none; the others run where the machine has them."""
    programs = {
        "curl": ["sh", str(EXAMPLES / "curl.sh")],
        "node": ["node", str(EXAMPLES / "record.mjs")],
        "javac": ["java", str(EXAMPLES / "java" / "Record.java")],
    }
    there = [command for needed, command in programs.items() if shutil.which(needed)]
    there.append([str(go_program(EXAMPLES / "go", tmp_path_factory.mktemp("go")))])
    assert len(there) >= 2
    return there


def test_the_examples_send_the_same_event_again_until_a_gateway_takes_it(
    examples: list[list[str]], tmp_path: Path
) -> None:
    for command in examples:
        (port,) = free_ports(1)
        with ThreadPoolExecutor(1) as pool:
            sent = pool.submit(run, command, port, tmp_path)
            time.sleep(0.5)  # in which nobody listens, unless the program takes longer to start
            with UnsteadyServer(port) as server:
                server.handle_request()
                server.handle_request()
            assert "200" in sent.result(60)
        first, second = server.bodies
        assert first == second
        assert json.loads(first)["event_id"]


def test_the_examples_in_other_languages_record_an_event(
    kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path, examples: list[list[str]]
) -> None:
    with gateway(kafka.bootstrap_servers, make_topic("events")) as running:
        told = [run(command, running.port, tmp_path) for command in examples * 2]  # the second run is another event
        found = running.events()
    assert [(each.actor.id, each.resources[0].id, each.source) for each in found] == [
        ("u-1842", "2026-0815", BILLING)
    ] * len(told)
    assert all(event_id in "".join(told) for event_id in (each.event_id for each in found))


def test_the_sdk_of_opentelemetry_records_an_event(
    kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    program = [sys.executable, str(EXAMPLES / "opentelemetry_logs.py")]
    with gateway(kafka.bootstrap_servers, make_topic("events")) as running:
        run(program, running.port, tmp_path, OTEL_EXPORTER_OTLP_COMPRESSION="gzip")
        run(program, running.port, tmp_path, SERVICE="portal")  # a claim of another's name
        assert running.sample("auditseal_gateway_events_total", route="otlp", result="refused") == 1
        (found,) = running.events()
    assert (found.action, found.actor.id, found.source, found.attributes["channel"]) == (
        "approve",
        "u-1842",
        BILLING,
        "branch",
    )


def test_a_kube_apiserver_that_repeats_its_list_records_each_event_once(
    kafka: KafkaNode, make_topic: Callable[..., str]
) -> None:
    body = RECORDED.read_bytes()
    wrong = json.dumps({**json.loads(body), "items": [{"kind": "Event"}]}).encode()
    with gateway(kafka.bootstrap_servers, make_topic("events")) as running:
        answers = [running.post(body, path="/v1/kubernetes") for _ in range(3)]
        assert [answer.status for answer in answers] == [200] * 3
        assert running.post(wrong, path="/v1/kubernetes").status == 422
        items = json.loads(body)["items"]
        assert [(each.correlation_id, each.action) for each in running.events()] == [
            (item["auditID"], item["verb"]) for item in items
        ]
