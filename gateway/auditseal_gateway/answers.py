"""The results of a request as HTTP answers: JSON for most ways in, and OTLP's own for its."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from starlette.responses import Response

from auditseal_gateway.errors import RequestError
from auditseal_gateway.otlp_logs import PROTOBUF
from auditseal_gateway.results import Recorded, Refused, Result, Spooled, Unavailable
from auditseal_producer import Receipt
from auditseal_schemas.varint import encode_unsigned

PROBLEM = "application/problem+json"
RETRY_SECONDS = 2
"""What `Retry-After` says if the brokers didn't acknowledge an event in time."""


def answer(results: Sequence[Result], *, is_single: bool, refused_status: int = 207) -> Response:
    """Return the results as JSON.

    The status is 503 if any event has to be sent again. It is 200 if every event is recorded or on disk. Otherwise it
    is `refused_status`; of a request that is one event, that event's own.
    """
    items = [{"index": index, **_item(result)} for index, result in enumerate(results)]
    if any(isinstance(result, Unavailable) for result in results):
        return _json({"results": items}, 503, retry_headers(RETRY_SECONDS))
    refused = [result for result in results if isinstance(result, Refused)]
    if not refused:
        return _json({"results": items}, 200)
    return _json({"results": items}, refused[0].status if is_single else refused_status)


def problem(error: RequestError) -> Response:
    """Return the answer to a request that is refused as a whole (RFC 9457)."""
    return _json(problem_of(error), error.status, _headers_of(error), PROBLEM)


def problem_of(error: RequestError) -> dict[str, Any]:
    """Return the members of such an answer."""
    return {"type": "about:blank", "status": error.status, "detail": str(error)}


def otlp_answer(results: Sequence[Result], media_type: str) -> Response:
    """Return the results as OTLP has them: a partial success names how many records are refused, and the first why.

    If an event has to be sent again, the status is 503 for the whole request, which clients then repeat. If every
    record is refused, it is 400, since some exporters do not report a partial success.
    """
    unavailable = next((result for result in results if isinstance(result, Unavailable)), None)
    if unavailable is not None:
        return otlp_problem(RequestError(503, unavailable.problem, RETRY_SECONDS), media_type)
    response = ExportLogsServiceResponse()
    refused = [(index, result) for index, result in enumerate(results) if isinstance(result, Refused)]
    if refused:
        index, first = refused[0]
        if len(refused) == len(results):
            problem = f"none of {len(results)} records is recorded: record {index}: {first.problem}"
            return otlp_problem(RequestError(400, problem), media_type)
        response.partial_success.rejected_log_records = len(refused)
        response.partial_success.error_message = f"record {index}: {first.problem}"
    if media_type == PROTOBUF:
        return Response(response.SerializeToString(), 200, media_type=PROTOBUF)
    return _json(MessageToDict(response), 200)


def otlp_problem(error: RequestError, media_type: str) -> Response:
    """Return the answer to an OTLP request that is refused as a whole: a `google.rpc.Status` with its message."""
    if media_type != PROTOBUF:
        return _json({"message": str(error)}, error.status, _headers_of(error))
    text = str(error).encode()
    status = b"\x12" + encode_unsigned(len(text)) + text  # field 2, `message`, of the type string
    return Response(status, error.status, _headers_of(error), PROTOBUF)


def retry_headers(seconds: int | None) -> dict[str, str]:
    """Return the header that says when to try again."""
    return {} if seconds is None else {"retry-after": str(seconds)}


def _headers_of(error: RequestError) -> dict[str, str]:
    headers = retry_headers(error.retry_after)
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    if error.status in {408, 413}:
        headers["connection"] = "close"  # the rest of the body is not read
    return headers


def _item(result: Result) -> dict[str, Any]:
    match result:
        case Recorded(receipt, is_repeated):
            return {"status": 200, "stored": "kafka", "repeated": is_repeated, **_receipt(receipt)}
        case Spooled(event_id, is_repeated):
            return {"status": 200, "stored": "spool", "repeated": is_repeated, "event_id": event_id}
        case Refused(status, field, text):
            return {"status": status, "field": field, "detail": text}
        case Unavailable(event_id, text):
            return {"status": 503, "event_id": event_id, "detail": text}


def _receipt(receipt: Receipt) -> dict[str, Any]:
    """Return a receipt as `auditseal receipt` takes it."""
    stream = {"id": receipt.stream.id, "sequence": receipt.stream.sequence}
    return {**receipt._asdict(), "stream": stream, "sha256": receipt.sha256.hex()}


def _json(
    body: Mapping[str, Any], status: int, headers: Mapping[str, str] | None = None, media_type: str = "application/json"
) -> Response:
    return Response(json.dumps(body), status, headers, media_type)
