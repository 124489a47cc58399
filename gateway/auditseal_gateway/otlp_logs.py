"""Log records of OpenTelemetry that are audit events: OTLP/HTTP, protobuf and JSON (OTLP 1.x, "OTLP/HTTP").

A record states its event in attributes that begin with `audit.` (docs/reference/gateway.md has the table). All other
attributes become attributes of the event.
"""

import binascii
import json
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.json_format import ParseDict, ParseError
from google.protobuf.message import DecodeError as ProtobufError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from auditseal_gateway.errors import RequestError, SourceClaimError
from auditseal_gateway.events_json import Parsed, read_json
from auditseal_schemas.errors import EventError, quoted
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_id import derive_event_id
from auditseal_schemas.event_parts import Actor, Category, Outcome, Reason, Resource, Source

PROTOBUF, JSON = "application/x-protobuf", "application/json"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNNAMED = "unknown_service"  # what SDKs send where nobody has named the service
_ACTOR = ("name", "auth_method", "session_id", "on_behalf_of", "ip", "user_agent")
_TARGET = ("name", "parent")
_ENVIRONMENTS = ("deployment.environment.name", "deployment.environment")


def parse_logs(media_type: str, body: bytes, source: Source) -> list[Parsed]:
    """Return the events of a request, one for each log record, in its order.

    Raises:
        RequestError: The body isn't an `ExportLogsServiceRequest`.
    """
    found, copies = list[Parsed](), Counter[bytes]()
    for resource, record in _records(_request(media_type, body)):
        try:
            _check_resource(_texts(resource.attributes), source)
            content = record.SerializeToString(deterministic=True)
            copies[content] += 1
            found.append(_event(record, f"{content.hex()} {copies[content]}", source))
        except EventError as error:
            found.append(error)
    return found


def _request(media_type: str, body: bytes) -> Any:
    if media_type not in {PROTOBUF, JSON}:
        raise RequestError(415, f"Content-Type must be {PROTOBUF} or {JSON}")
    request = ExportLogsServiceRequest()
    try:
        if media_type == PROTOBUF:
            request.ParseFromString(body)
        else:
            value = read_json(body)
            _encode_ids(value)
            ParseDict(value, request, ignore_unknown_fields=True)
    # SystemError: protobuf's answer to a member whose name has an unpaired surrogate.
    except (ProtobufError, ParseError, TypeError, AttributeError, SystemError, binascii.Error) as error:
        raise RequestError(400, f"the body is not an ExportLogsServiceRequest: {quoted(str(error))}") from error
    return request


def _encode_ids(value: object) -> None:
    """Turn the ids of traces and spans from hex, as OTLP has them, to base64, as protobuf's JSON has them."""
    if not isinstance(value, dict):
        raise RequestError(400, "the body is not an ExportLogsServiceRequest: it must be a JSON object")
    for record in _log_records(value):
        for name in ("traceId", "spanId"):
            if isinstance(record.get(name), str):
                record[name] = b64encode(_from_hex(record[name])).decode()


def _log_records(value: Mapping[str, Any]) -> Iterator[MutableMapping[str, Any]]:
    for resource in _objects(value.get("resourceLogs")):
        for scope in _objects(resource.get("scopeLogs")):
            yield from _objects(scope.get("logRecords"))


def _objects(value: object) -> Iterator[dict[str, Any]]:
    return (item for item in (value if isinstance(value, list) else ()) if isinstance(item, dict))


def _from_hex(text: str) -> bytes:
    """Return the bytes that hex digits state; none for another text."""
    try:
        return bytes.fromhex(text)
    except ValueError:
        return b""


def _records(request: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each record, with its resource before it."""
    for logs in request.resource_logs:
        for scope in logs.scope_logs:
            for record in scope.log_records:
                yield logs.resource, record


def _check_resource(resource: Mapping[str, str], source: Source) -> None:
    """Check that a resource's attributes don't claim another service or environment.

    Raises:
        SourceClaimError: It does.
    """
    claims = [("service.name", source.service), *((name, source.environment) for name in _ENVIRONMENTS)]
    for name, own in claims:
        claim = resource.get(name, own)
        if claim != own and not (name == "service.name" and claim.startswith(_UNNAMED)):
            raise SourceClaimError(f"resource.{name}", f"{quoted(claim, 80)} is not that of this credential, {own!r}")


def _event(record: Any, content: str, source: Source) -> EventFields:
    texts = dict(_texts(record.attributes))
    time = _time(record)
    record_id = texts.get("audit.record.id")
    fields = EventFields(
        event_id=derive_event_id(time, "otlp", source.service, record_id or content),
        occurred_at=time,
        actor=Actor(**_part(texts, "audit.actor.", _ACTOR)),
        action=_take(texts, "audit.action"),
        resources=[Resource(**_part(texts, "audit.target.", _TARGET))],
        outcome=_symbol(Outcome, "audit.outcome", _take(texts, "audit.outcome")),
        category=_symbol(Category, "audit.category", texts.pop("audit.category", Category.OTHER)),
        event_type=texts.pop("event.name", None) or record.event_name or None,
        trace_id=record.trace_id.hex() or None,
        span_id=record.span_id.hex() or None,
    )
    body = _text(record.body) if record.HasField("body") else ""
    reason = texts.pop("audit.reason.code", None), texts.pop("audit.reason", None) or body or None
    if any(reason):
        fields["reason"] = Reason(*reason)
    for name in ("tenant", "status_code", "correlation_id"):
        if (text := texts.pop(f"audit.{name}", None)) is not None:
            fields[name] = text
    fields["attributes"] = texts
    return fields


def _time(record: Any) -> datetime:
    nanoseconds = record.time_unix_nano or record.observed_time_unix_nano
    if not nanoseconds:
        raise EventError("time_unix_nano", "is missing: an audit event needs the time at which it happened")
    try:
        return _EPOCH + timedelta(microseconds=nanoseconds // 1_000)
    except OverflowError as error:
        raise EventError("time_unix_nano", "is outside the years 1 to 9999: correct it") from error


def _part(texts: MutableMapping[str, str], prefix: str, others: Iterable[str]) -> dict[str, Any]:
    """Take a part's texts. Its type and id have to be there, and the others may be."""
    needed = {name: _take(texts, prefix + name) for name in ("type", "id")}
    return needed | {name: texts.pop(prefix + name) for name in others if prefix + name in texts}


def _take(texts: MutableMapping[str, str], name: str) -> str:
    if name not in texts:
        raise EventError(name, "is missing: the log record does not state an audit event")
    return texts.pop(name)


def _symbol(kind: Any, name: str, text: str) -> Any:
    upper = text.upper()
    if upper not in kind.__members__:
        raise EventError(name, f"must be one of {', '.join(kind.__members__)}")
    return kind[upper]


def _texts(attributes: Iterable[Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in attributes:
        if pair.key in found:
            raise EventError("attributes", f"has {quoted(pair.key, 80)} twice")
        found[pair.key] = _text(pair.value)
    return found


def _text(value: Any) -> str:
    """Return an AnyValue as text: a text as it is, anything else as JSON."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return str(value.string_value)
    return "" if kind is None else json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))


def _plain(value: Any) -> Any:
    match value.WhichOneof("value"):
        case None:
            return None
        case "array_value":
            return [_plain(item) for item in value.array_value.values]
        case "kvlist_value":
            return {pair.key: _plain(pair.value) for pair in value.kvlist_value.values}
        case "bytes_value":
            return b64encode(value.bytes_value).decode()
        case kind:
            return getattr(value, kind)
