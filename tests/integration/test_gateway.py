"""The gateway on a real Kafka: an answer for each event, receipts of what is in the topic, nothing lost or doubled."""

import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from jsonschema import Draft202012Validator
from openapi_spec_validator import validate
from prometheus_client import generate_latest

from auditseal_gateway.config import Limits
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.event_parts import Source
from tests.factory.gateway import BILLING, EVENT, PATH, PORTAL, TOKENS, RunningGateway, event, gateway

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
