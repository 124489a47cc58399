"""The gateway on a real Kafka: an answer for each event, receipts of what is in the topic, nothing lost or doubled."""

import http.client
import json
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from prometheus_client import generate_latest

from auditseal_gateway.config import Limits
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event_parts import Source
from tests.factory.gateway import BILLING, EVENT, JSON, PATH, PORTAL, TOKENS, RunningGateway, event, gateway

LIMITS = Limits(body_bytes=20_000, batch=50, read_seconds=1)


def check_against_description(running: RunningGateway, answers: dict[str, list[bytes]]) -> None:
    """Check the OpenAPI description itself, and real answers against its schemas."""
    connection = http.client.HTTPConnection("127.0.0.1", running.port)
    connection.request("GET", "/v1/openapi.json")
    described = json.loads(connection.getresponse().read())
    connection.close()
    validate(described)
    assert set(described["paths"]) == {
        "/v1/events",
        "/v1/cloudevents",
        "/v1/kubernetes",
        "/v1/logs",
        "/v1/openapi.json",
    }
    for name, bodies in answers.items():
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        for body in bodies:
            Draft202012Validator(schema).validate(json.loads(body))
        assert not Draft202012Validator(schema).is_valid({"else": 1})


def test_a_request_is_answered_for_each_event(kafka: KafkaNode, make_topic: Callable[..., str]) -> None:
    with gateway(kafka.bootstrap_servers, make_topic("events"), LIMITS) as running:
        one = running.post(EVENT)
        assert (one.status, one.statuses) == (200, [200])
        batch = [
            event(1),
            event(2),
            event(1),
            {"x": 1},
            event(2, action="other"),
            event(3, source={"service": "portal"}),
        ]
        mixed = running.post(batch)
        assert (mixed.status, mixed.statuses) == (207, [200, 200, 200, 400, 409, 403])
        for wrong in ({}, 5, "x", None):  # one event, which is not an array
            refused = running.post(wrong)
            assert (refused.status, refused.statuses) == (400, [400])
        again = running.post([event(1), event(2)])
        assert [result["repeated"] for result in (*mixed.results[:3], *again.results)] == [
            False,
            False,
            True,
            True,
            True,
        ]
        assert again.results[0]["offset"] == mixed.results[0]["offset"]
        portal = running.post(event(1), token=TOKENS["portal"])  # ids are those of a source
        assert (portal.status, portal.results[0]["repeated"]) == (200, False)
        refusals = [
            (running.post(EVENT, token=None), 401),
            (running.post(b"{"), 400),
            (running.post([]), 400),
            (running.post([event(number) for number in range(51)]), 413),
            (running.post(b" " * 30_000), 413),
            (running.post(EVENT, kind="text/plain"), 415),
            (running.post(EVENT, path="/v1/other"), 404),
            (running.post(EVENT, Idempotency_Key="k" * 300), 400),
        ]
        assert [answer.status for answer, _ in refusals] == [status for _, status in refusals]
        assert {answer.headers["content-type"] for answer, _ in refusals} == {"application/problem+json"}
        single = running.post(event(9, action=""))
        assert (single.status, single.results[0]["field"]) == (400, "action")
        for event_id in ([], {}, 7, None, "7"):
            wrong = running.post({**EVENT, "event_id": event_id})
            assert (wrong.status, wrong.results[0]["field"]) == (400, "event_id")
        check_against_description(
            running,
            {
                "Results": [answer.body for answer in (one, mixed, again, single)],
                "Problem": [answer.body for answer, _ in refusals],
            },
        )
        found = running.events()
        served = generate_latest(running.metrics).decode()
    assert Counter(each.source for each in found) == {BILLING: 3, PORTAL: 1}
    for source in (BILLING, PORTAL):  # each source has a stream of its own, without gaps
        numbers = [each.stream for each in found if each.source == source]
        assert [stream.sequence for stream in numbers] == list(range(len(numbers)))
        assert len({stream.id for stream in numbers}) == 1
    by_id = {(each.source.service, each.event_id) for each in found}
    receipts = [result for answer in (one, mixed, portal) for result in answer.results if result["status"] == 200]
    assert {receipt["event_id"] for receipt in receipts} == {event_id for _, event_id in by_id}
    assert 'auditseal_gateway_events_total{result="repeated",route="events"} 3.0' in served
    assert 'auditseal_gateway_refused_logins_total{method="none"} 1.0' in served
    assert running.troubles[0] is None


def test_a_thousand_retries_at_once_record_each_event_once(kafka: KafkaNode, make_topic: Callable[..., str]) -> None:
    with gateway(kafka.bootstrap_servers, make_topic("events"), Limits(remembered=1_000)) as running:
        start = threading.Barrier(4)

        def send(_worker: int) -> list[list[int]]:
            start.wait()
            return [running.post([event(number) for number in range(at, at + 25)]).statuses for at in range(0, 100, 25)]

        with ThreadPoolExecutor(4) as pool:
            for statuses in pool.map(send, range(4)):
                assert statuses == [[200] * 25] * 4
        assert sorted(each.event_id for each in running.events()) == [
            event(number)["event_id"] for number in range(100)
        ]


def test_what_is_half_sent_is_not_recorded(kafka: KafkaNode, make_topic: Callable[..., str]) -> None:
    with gateway(kafka.bootstrap_servers, make_topic("events"), LIMITS) as running:
        for sent in (b"", b'{"actor"', json.dumps(EVENT).encode()):
            connection = http.client.HTTPConnection("127.0.0.1", running.port)
            connection.putrequest("POST", PATH)
            connection.putheader("authorization", f"Bearer {TOKENS['billing']}")
            connection.putheader("content-type", "application/json")
            connection.putheader("content-length", str(len(sent) + 10))
            connection.endheaders(sent)
            connection.close()
        assert running.post(EVENT).status == 200
        assert [each.source for each in running.events()] == [Source(service="billing", environment="test")]


def request(*lines: str, body: bytes = b"", to: str = f"POST {PATH} HTTP/1.1") -> bytes:
    """Return a request, byte for byte, with a good credential."""
    given = (to, "host: x", f"authorization: Bearer {TOKENS['billing']}", f"content-type: {JSON}", *lines, "", "")
    return "\r\n".join(given).encode("latin-1") + body


def exchange(port: int, sent: bytes) -> bytes:
    """Send bytes, and return all that comes back until the gateway ends the connection."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        with suppress(ConnectionError):  # it may end before all is sent
            connection.sendall(sent)
        received = b""
        with suppress(ConnectionResetError):
            while piece := connection.recv(1 << 16):
                received += piece
        return received


DATA = json.dumps(EVENT).encode()
SIZE = len(DATA)
CHUNKED = f"{SIZE:x}\r\n".encode() + DATA + b"\r\n0\r\n\r\n"
NOT_HTTP = {
    # Two readers of one request must not find its end at two places: RFC 9112, section 11.2, Request Smuggling.
    "a length and chunks": request(f"content-length: {SIZE}", "transfer-encoding: chunked", body=CHUNKED),
    "chunks and a length": request("transfer-encoding: chunked", f"content-length: {SIZE}", body=CHUNKED),
    "two lengths": request(f"content-length: {SIZE}", "content-length: 0", body=DATA),
    "a list of lengths": request(f"content-length: {SIZE}, {SIZE}", body=DATA),
    "a length with a sign": request(f"content-length: +{SIZE}", body=DATA),
    "a negative length": request("content-length: -1", body=DATA),
    "a length beyond 64 bits": request("content-length: 99999999999999999999", body=DATA),
    "chunks that are not the last coding": request("transfer-encoding: chunked, gzip", body=CHUNKED),
    "a coding almost like chunks": request("transfer-encoding: xchunked", body=CHUNKED),
    "a chunk beyond 64 bits": request("transfer-encoding: chunked", body=b"f" * 17 + b"\r\n" + DATA),
    "a chunk without its end": request("transfer-encoding: chunked", body=CHUNKED.replace(b"}\r\n", b"}xx")),
    "a blank before the colon": request(f"content-length : {SIZE}", body=DATA),
    "a header without a name": request(": x", f"content-length: {SIZE}", body=DATA),
    "a zero byte": request("x-a: \0", f"content-length: {SIZE}", body=DATA),
    "a line feed alone": request(f"content-length: {SIZE}", body=DATA).replace(b"\r\n", b"\n"),
    "a bare carriage return": request("x-a: b\rcontent-length: 0", f"content-length: {SIZE}", body=DATA),
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


def test_what_is_not_http_is_refused_and_nothing_of_it_recorded(
    kafka: KafkaNode, make_topic: Callable[..., str]
) -> None:
    with gateway(kafka.bootstrap_servers, make_topic("events"), LIMITS) as running:
        answers = {name: exchange(running.port, sent) for name, sent in NOT_HTTP.items()}
        assert {name: answer[:13] for name, answer in answers.items()} == dict.fromkeys(NOT_HTTP, b"HTTP/1.1 400 ")
        bodies = [answer.partition(b"\r\n\r\n")[2] for answer in answers.values()]
        check_against_description(running, {"Problem": bodies})
        for more in ([f"x-{number}: a" for number in range(9_000)], ["x: " + "a" * 100_000]):
            answer = exchange(running.port, request(*more)[:-2])  # a head without an end, and too large for one
            assert answer.startswith(b"HTTP/1.1 431 "), answer
        assert running.post(EVENT).status == 200
        assert len(running.events()) == 1


def test_whole_requests_in_unusual_forms_are_each_recorded_once(
    kafka: KafkaNode, make_topic: Callable[..., str]
) -> None:
    def one(number: int, *lines: str, to: str = f"POST {PATH} HTTP/1.1") -> bytes:
        data = json.dumps(event(number)).encode()
        return request(*lines, f"content-length: {len(data)}", body=data, to=to)

    with gateway(kafka.bootstrap_servers, make_topic("events"), LIMITS) as running:
        pipelined = exchange(running.port, one(0) + one(1) + one(2, "connection: close"))
        assert pipelined.count(b"HTTP/1.1 200 ") == 3
        assert pipelined.index(event(0)["event_id"].encode()) < pipelined.index(event(2)["event_id"].encode())
        refused = request("content-length: 2", body=b"{}") * 1_000  # the last head that a piece holds has no end there
        many = exchange(running.port, refused + request("content-length: 2", "connection: close", body=b"{}"))
        assert (many.count(b"HTTP/1.1 400 "), many.count(b"HTTP/1.1 ")) == (1_001, 1_001)
        old = exchange(running.port, one(3, to=f"POST {PATH} HTTP/1.0"))
        waits = exchange(running.port, one(4, "expect: 100-continue", "connection: close"))
        chunks = b"".join(b"%x;x=y\r\n%b\r\n" % (1, bytes([byte])) for byte in json.dumps(event(5)).encode())
        split = request("transfer-encoding: chunked", "connection: close", body=chunks + b"0\r\n\r\n")
        assert [old[:13], waits[:13], exchange(running.port, split)[:13]] == [
            b"HTTP/1.1 200 ",
            b"HTTP/1.1 100 ",
            b"HTTP/1.1 200 ",
        ]
        upgrade = exchange(running.port, one(6, "connection: upgrade, close", "upgrade: websocket"))
        assert upgrade[:13] == b"HTTP/1.1 400 "  # what follows the head would be of the other protocol
        found = [each.event_id for each in running.events()]
        assert found == [event(number)["event_id"] for number in range(6)]


def test_a_client_gets_its_answer_while_it_still_sends_the_body(
    kafka: KafkaNode, make_topic: Callable[..., str]
) -> None:
    body = b" " * 20_000_000
    limits = replace(LIMITS, read_seconds=5)  # what is left of a body is discarded for so long
    with gateway(kafka.bootstrap_servers, make_topic("events"), limits) as running:
        for more in ({}, {"connection": "close"}):  # urllib sends the second
            assert running.post(body, **more).status == 413
        assert running.post(body, token="unknown").status == 401
        chunk = b"%x\r\n%b\r\n" % (len(body), body)
        chunked = exchange(running.port, request("transfer-encoding: chunked", body=chunk + b"0\r\n\r\n"))
        assert chunked.startswith(b"HTTP/1.1 413 "), chunked
        head = exchange(running.port, request("x: " + "a" * 5_000_000))
        assert head.startswith(b"HTTP/1.1 431 "), head
        assert running.post(EVENT).status == 200
        assert len(running.events()) == 1


def send_without_end(connection: socket.socket, piece: bytes) -> None:
    while True:
        connection.sendall(piece)


@pytest.mark.parametrize("token", [TOKENS["billing"], "unknown"], ids=["known", "unknown"])
def test_a_body_without_an_end_behind_an_answer_is_not_read_for_long(
    kafka: KafkaNode, make_topic: Callable[..., str], token: str
) -> None:
    limits = Limits(body_bytes=1_000, read_seconds=0.3)
    with gateway(kafka.bootstrap_servers, make_topic("events"), limits) as running:
        connection = socket.create_connection(("127.0.0.1", running.port), timeout=60)
        piece = b"3e8\r\n" + b" " * 1_000 + b"\r\n"
        head = request("transfer-encoding: chunked").replace(TOKENS["billing"].encode(), token.encode())
        with connection:
            connection.sendall(head)
            with pytest.raises(ConnectionError):
                send_without_end(connection, piece)
        assert running.post(EVENT).status == 200


def test_a_client_that_does_not_read_its_answers_loses_its_connection(
    kafka: KafkaNode, make_topic: Callable[..., str]
) -> None:
    limits = Limits(read_seconds=0.5, requests=2)
    body = json.dumps([{}] * 1_000).encode()  # each of these is refused, at some length
    with gateway(kafka.bootstrap_servers, make_topic("events"), limits) as running, socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stalled.connect(("127.0.0.1", running.port))
        stalled.settimeout(60)
        sent = request(f"content-length: {len(body)}", body=body) * 1_000
        with pytest.raises(ConnectionError):
            send_without_end(stalled, sent)  # the system's buffers may hold tens of megabytes
        assert running.post(EVENT).status == 200
