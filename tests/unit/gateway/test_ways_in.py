"""What each way in makes of a body, and what it refuses: an error for each event, or one for the request."""

import gzip
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from auditseal_gateway.cloud_events import BATCH, STRUCTURED, parse_cloud_events
from auditseal_gateway.errors import RequestError
from auditseal_gateway.events_json import Parsed, parse_events
from auditseal_gateway.kubernetes_audit import parse_event_list
from auditseal_gateway.otlp_logs import PROTOBUF, parse_logs
from auditseal_gateway.remembered import digest_of
from auditseal_importers.original import original_bytes
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_parts import Category, Outcome, Source, Stream
from auditseal_schemas.varint import encode_unsigned
from tests.factory.gateway import BILLING, EVENT, JSON, event

LINES = "application/x-ndjson"
LISTS = Path(__file__).parents[2] / "data" / "importers" / "kubernetes-event-list.json"


def events(value: Any, kind: str = JSON, key: str | None = None) -> list[Parsed]:
    return parse_events(kind, value if isinstance(value, bytes) else json.dumps(value).encode(), BILLING, key)


def made(parsed: Parsed, source: Source = BILLING) -> AuditEvent:
    assert not isinstance(parsed, EventError), parsed
    stamped: dict[str, Any] = {"event_id": event(1)["event_id"], "occurred_at": datetime.now(UTC), **parsed}
    return AuditEvent(source=source, stream=Stream("s", 0), **stamped)


def problem(parsed: Parsed) -> str:
    assert isinstance(parsed, EventError), parsed
    return str(parsed)


# JSON


def test_one_an_array_and_lines() -> None:
    assert [made(each).action for each in events(EVENT)] == ["approve"]
    assert len(events([EVENT] * 3)) == 3
    lines = b"\n".join(json.dumps(event(number)).encode() for number in range(3)) + b"\r\n\n"
    assert [made(each).event_id for each in events(lines, LINES)] == [event(number)["event_id"] for number in range(3)]


def test_each_event_has_its_own_error() -> None:
    lines = b'{"a"\n' + json.dumps(EVENT).encode() + b'\n[]\n{"action": 1, "action": 2}\n' + b"[" * 200_000
    found = events(lines, LINES)
    assert made(found[1]).action == "approve"
    assert [problem(found[number])[:25] for number in (0, 2, 3, 4)] == [
        "the line isn't JSON: Expe",
        "an event must be a JSON o",
        "a JSON object has a key t",
        "the line is nested too de",
    ]
    found = events([EVENT, 3, {**EVENT, "outcome": "GOOD"}, {**EVENT, "actor": {"type": "user"}}])
    assert [problem(each) for each in found[1:]] == [
        "an event must be a JSON object, not int",
        "outcome: must be one of SUCCESS, FAILURE, DENIED, UNKNOWN",
        "actor: id is missing",
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 200_000, b'{"a":' * 100 + b"1" + b"}" * 100])
def test_a_body_that_is_not_json_is_refused_as_a_whole(body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        events(body)
    assert caught.value.status == 400


def test_another_content_type_is_refused() -> None:
    with pytest.raises(RequestError) as caught:
        events(EVENT, "text/plain")
    assert caught.value.status == 415


@pytest.mark.parametrize(
    ("claim", "field"),
    [
        ({"service": "portal"}, "source.service"),
        ({"service": "billing", "environment": "production"}, "source.environment"),
        ({"region": "eu"}, "source.region"),
        ({"host": "a"}, "source.host"),
        ("portal", "source"),
    ],
)
def test_a_claim_of_another_source_is_refused(claim: Any, field: str) -> None:
    (parsed,) = events({**EVENT, "source": claim})
    assert isinstance(parsed, EventError)
    assert (type(parsed).__name__, parsed.field) == ("SourceClaimError", field)


def test_a_claim_that_is_right_is_taken() -> None:
    (parsed,) = events({**EVENT, "source": {"service": "billing", "environment": "test", "region": None}})
    assert made(parsed).source == BILLING


def test_an_idempotency_key_gives_ids_that_a_retry_has_again() -> None:
    batch = [{**EVENT, "occurred_at": "2026-11-21T12:00:00Z"}] * 2
    first, again, other = events(batch, key="k"), events(batch, key="k"), events(batch, key="l")
    ids = [made(each).event_id for each in (*first, *other)]
    assert len(set(ids)) == 4
    assert [made(each).event_id for each in again] == ids[:2]
    (named,) = events(event(3), key="k")
    assert made(named).event_id == event(3)["event_id"]
    assert "occurred_at: is missing: with Idempotency-Key" in problem(events(EVENT, key="k")[0])


def test_a_digest_is_of_the_content_in_any_order() -> None:
    one = events({**EVENT, "attributes": {"a": "1", "b": "2"}, "event_id": event(1)["event_id"]})[0]
    other = events({"attributes": {"b": "2", "a": "1"}, **EVENT})[0]
    third = events({"attributes": {"b": "2", "a": "2"}, **EVENT})[0]
    digests = [digest_of(each) for each in (one, other, third) if not isinstance(each, EventError)]
    assert len(digests) == 3
    assert digests[0] == digests[1] != digests[2]


# CloudEvents: made by the CloudEvents library


def cloud_event(**changed: Any) -> CloudEvent:
    attributes = {
        "id": "41",
        "source": "/billing",
        "type": "invoice.approved",
        "time": datetime(2026, 11, 21, 12, tzinfo=UTC),
        "specversion": "1.0",
        "datacontenttype": JSON,
    }
    return CloudEvent(attributes={**attributes, **changed}, data=EVENT)


def test_structured_binary_and_batched_cloud_events_are_the_same_event() -> None:
    structured = to_structured(cloud_event(), JSONFormat())
    binary = to_binary(cloud_event(), JSONFormat())
    bodies = [
        (STRUCTURED, structured.headers, structured.body),
        (JSON, binary.headers, binary.body),
        (BATCH, {}, b"[" + structured.body + b"]"),
    ]
    found = [parse_cloud_events(kind, dict(headers), body, BILLING) for kind, headers, body in bodies]
    assert [len(each) for each in found] == [1, 1, 1]
    first = made(found[0][0])
    assert all(made(each[0]) == first for each in found)
    assert (first.event_type, first.occurred_at.hour) == ("invoice.approved", 12)
    assert first.attributes == {"cloudevents.id": "41", "cloudevents.source": "/billing"}


def test_the_id_is_of_source_and_id() -> None:
    def of(**changed: Any) -> str:
        message = to_structured(cloud_event(**changed), JSONFormat())
        return made(parse_cloud_events(STRUCTURED, {}, message.body, BILLING)[0]).event_id

    assert of() == of(type="another")
    assert len({of(), of(id="42"), of(source="/other")}) == 3


@pytest.mark.parametrize(
    ("change", "problem_"),
    [
        ({"specversion": "0.3"}, "specversion: '0.3' is not known"),
        ({"id": ""}, "id: must be a text that is not empty"),
        ({"time": None}, "time: must be a text"),
        ({"time": "yesterday"}, "time: 'yesterday' is not an RFC 3339 time"),
        ({"data": [1]}, "data: must be a JSON object, not list"),
        ({"data": {**EVENT, "event_type": "other"}}, "data.event_type: differs from the CloudEvent's own"),
        ({"data": {**EVENT, "attributes": 3}}, "attributes: must be a JSON object"),
        ({"datacontenttype": "text/xml"}, "datacontenttype: must be application/json"),
        ({"data": {**EVENT, "source": {"service": "portal"}}}, "source.service: 'portal' is not that"),
    ],
)
def test_a_cloud_event_that_is_wrong_is_refused(change: dict[str, Any], problem_: str) -> None:
    message = json.loads(to_structured(cloud_event(), JSONFormat()).body)
    found = parse_cloud_events(BATCH, {}, json.dumps([{**message, **change}, message, 3]).encode(), BILLING)
    assert problem_ in problem(found[0])
    assert made(found[1]).action == "approve"
    assert "must be a JSON object, not int" in problem(found[2])


def test_requests_that_are_not_of_cloud_events_are_refused() -> None:
    for kind, body, status in ((BATCH, b"{}", 400), (STRUCTURED, b"{", 400), (JSON, b"{}", 415)):
        with pytest.raises(RequestError) as caught:
            parse_cloud_events(kind, {}, body, BILLING)
        assert caught.value.status == status


# Kubernetes: requests in the shape that a kube-apiserver sends


def test_an_event_list_gives_its_events_with_their_own_bytes() -> None:
    body = LISTS.read_bytes()
    found = [made(each) for each in parse_event_list(body, BILLING)]
    items = json.loads(body)["items"]
    assert [each.action for each in found] == [item["verb"] for item in items]
    assert [json.loads(original_bytes(each.attributes)) for each in found] == items
    assert all(original_bytes(each.attributes) in body for each in found)


def test_an_event_is_identified_by_audit_id_stage_and_cluster() -> None:
    document = json.loads(LISTS.read_bytes())
    item = document["items"][0]
    changed = [item, item, {**item, "stage": "Panic"}, {**item, "auditID": "another"}]
    body = json.dumps({**document, "items": changed}).encode()
    ids = [made(each).event_id for each in parse_event_list(body, BILLING)]
    assert ids[0] == ids[1]
    other = Source(service="another", environment="test")
    assert len({*ids, made(parse_event_list(body, other)[0]).event_id}) == 4


def test_items_that_are_not_audit_events_are_refused_and_the_others_taken() -> None:
    document = json.loads(LISTS.read_bytes())
    item = document["items"][0]
    wrong = [{}, 3, {**item, "auditID": ""}, {**item, "stageTimestamp": "soon"}, {**item, "user": 3}, item]
    found = parse_event_list(json.dumps({**document, "items": wrong}).encode(), BILLING)
    assert [problem(each)[:22] for each in found[:5]] == [
        "auditID: is missing: a",
        "a record must be a JSO",
        "auditID: is missing: a",
        "stageTimestamp: 'soon'",
        "user: must be a JSON o",
    ]
    assert made(found[5]).action == item["verb"]


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"kind": "EventList", "items": 3}', b'{"kind": "Pod", "items": []}'])
def test_what_is_not_an_event_list_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        parse_event_list(body, BILLING)
    assert caught.value.status == 400


# OTLP: `tests/slices/test_gateway.py` has the real SDK

TIME = 1_795_262_400_123_456_789
NEEDED = ("audit.actor.type", "audit.actor.id", "audit.action", "audit.target.id", "audit.outcome")
TEXTS = {
    "audit.actor.type": "user",
    "audit.actor.id": "u-1",
    "audit.action": "approve",
    "audit.target.type": "invoice",
    "audit.target.id": "7",
    "audit.outcome": "success",
    "audit.category": "DATA",
    "audit.tenant": "acme",
    "other": "kept",
}


def logs(*records: dict[str, str], resource: dict[str, str] | None = None) -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    found = request.resource_logs.add()
    for name, value in (resource or {}).items():
        found.resource.attributes.add(key=name).value.string_value = value
    scope = found.scope_logs.add()
    for texts in records:
        record = scope.log_records.add(time_unix_nano=TIME, trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
        record.body.string_value = "the invoice was approved"
        for name, value in texts.items():
            record.attributes.add(key=name).value.string_value = value
    return request


def nested_protobuf(depth: int) -> bytes:
    """Return a request whose body is an array in an array and so on."""
    value = b""
    for _ in range(depth):
        array = b"\x0a" + encode_unsigned(len(value)) + value  # ArrayValue.values
        value = b"\x2a" + encode_unsigned(len(array)) + array  # AnyValue.array_value
    for tag in (b"\x2a", b"\x12", b"\x12", b"\x0a"):  # LogRecord.body, log_records, scope_logs, resource_logs
        value = tag + encode_unsigned(len(value)) + value
    return value


def otlp(request: ExportLogsServiceRequest) -> list[Parsed]:
    return parse_logs(PROTOBUF, request.SerializeToString(), BILLING)


def test_a_log_record_states_an_event() -> None:
    found = made(otlp(logs(TEXTS, resource={"service.name": "billing"}))[0])
    assert (found.action, found.outcome, found.category) == ("approve", Outcome.SUCCESS, Category.DATA)
    assert (found.actor.id, found.resources[0].id, found.tenant) == ("u-1", "7", "acme")
    assert (found.trace_id, found.span_id) == ("01" * 16, "02" * 8)
    assert found.occurred_at == datetime(2026, 11, 21, 12, 0, 0, 123456, tzinfo=UTC)
    assert (found.reason and found.reason.text, found.attributes) == ("the invoice was approved", {"other": "kept"})


def test_json_gives_the_same_events_as_protobuf() -> None:
    request = logs(TEXTS, {**TEXTS, "audit.action": "pay"})
    document = MessageToDict(request)
    for record in document["resourceLogs"][0]["scopeLogs"][0]["logRecords"]:
        record |= {"traceId": "01" * 16, "spanId": "02" * 8}  # OTLP's JSON has them in hex
    document["resourceLogs"][0]["addedLater"] = 1
    found = parse_logs(JSON, json.dumps(document).encode(), BILLING)
    assert [made(each) for each in found] == [made(each) for each in otlp(request)]


def test_a_record_sent_again_has_its_id_and_equal_records_of_a_request_differ() -> None:
    request = logs(TEXTS, TEXTS, {**TEXTS, "audit.record.id": "r-1"}, {**TEXTS, "other": "x", "audit.record.id": "r-1"})
    first, second = ([made(each).event_id for each in otlp(request)] for _ in range(2))
    assert first == second
    assert first[2] == first[3]
    assert len(set(first)) == 3


@pytest.mark.parametrize(
    "name", ["audit.actor.type", "audit.actor.id", "audit.action", "audit.target.id", "audit.outcome"]
)
def test_a_record_that_states_no_event_is_refused_and_the_others_taken(name: str) -> None:
    found = otlp(logs({key: value for key, value in TEXTS.items() if key != name}, TEXTS))
    assert problem(found[0]).startswith(f"{name}: is missing")
    assert made(found[1]).action == "approve"


@pytest.mark.parametrize(
    "resource",
    [{"service.name": "portal"}, {"deployment.environment.name": "production"}, {"deployment.environment": "x"}],
)
def test_a_resource_that_claims_another_source_is_refused(resource: dict[str, str]) -> None:
    (parsed,) = otlp(logs(TEXTS, resource=resource))
    assert type(parsed).__name__ == "SourceClaimError"


def test_a_key_that_comes_twice_is_refused_for_each_record_that_has_it() -> None:
    request = logs(TEXTS, TEXTS)
    request.resource_logs[0].resource.attributes.add(key="a")
    request.resource_logs[0].resource.attributes.add(key="a")
    request.resource_logs.extend(logs(TEXTS).resource_logs)
    request.resource_logs[1].scope_logs[0].log_records[0].attributes.add(key="other")
    request.resource_logs.extend(logs(TEXTS).resource_logs)
    found = otlp(request)
    assert [problem(each) for each in found[:3]] == [
        "attributes: has 'a' twice",
        "attributes: has 'a' twice",
        "attributes: has 'other' twice",
    ]
    assert made(found[3]).action == "approve"


def test_the_sdks_name_for_a_service_without_one_is_not_a_claim() -> None:
    assert made(otlp(logs(TEXTS, resource={"service.name": "unknown_service:python"}))[0]).source == BILLING


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        (PROTOBUF, b"\xff", 400),
        (PROTOBUF, gzip.compress(b"", mtime=0), 400),
        (JSON, b"{", 400),
        (JSON, b"[]", 400),
        (JSON, b'{"resourceLogs": [{"scopeLogs": [{"logRecords": [{"traceId": 3}]}]}]}', 400),
        (JSON, b'{"resourceLogs": 3}', 400),
        (JSON, b'{"resourceLogs": [{"\\ud800": 3}]}', 400),
        (JSON, b'{"resourceLogs": ["\\ud800"]}', 400),
        (PROTOBUF, nested_protobuf(1_000), 400),
        ("text/plain", b"", 415),
    ],
)
def test_what_is_not_a_request_of_otlp_is_refused(kind: str, body: bytes, status: int) -> None:
    with pytest.raises(RequestError) as caught:
        parse_logs(kind, body, BILLING)
    assert caught.value.status == status


def test_ids_that_are_not_hex_and_times_that_are_missing() -> None:
    attributes = [{"key": name, "value": {"stringValue": value}} for name, value in TEXTS.items()]
    record = {"traceId": "zz", "timeUnixNano": "1", "attributes": attributes}
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {**record, "timeUnixNano": "0"}]}]}]}
    found = parse_logs(JSON, json.dumps(document).encode(), BILLING)
    assert made(found[0]).trace_id is None
    assert problem(found[1]).startswith("time_unix_nano: is missing")
