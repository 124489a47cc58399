"""How boto3's requests are sent: by the transport, so that each answer is bounded in bytes and in time.

botocore signs requests, parses answers and repeats calls. Its own sessions read the body of an answer whole, and wait
for as long as a byte comes now and then.
"""

from collections.abc import Iterator
from functools import partial
from io import BytesIO
from typing import Any

import pycurl
from botocore.awsrequest import AWSPreparedRequest, AWSResponse, HeadersDict
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    EndpointConnectionError,
    ReadTimeoutError,
    SSLError,
)

from auditseal_schemas.limits import MAX_OBJECT_BYTES
from auditseal_vault.http_connections import HttpRequest, TransferError
from auditseal_vault.http_transport import HttpTransport
from auditseal_vault.s3_answer import MOST_BYTES, check_answer

# botocore runs handlers of the wildcard before its own for S3, the first of which parses the body.
_BEFORE_ANY_PARSER = "before-parse.*.*"
_OURS = frozenset({"content-length", "expect", "transfer-encoding"})  # libcurl writes them
_UNREACHABLE = frozenset({pycurl.E_COULDNT_CONNECT, pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_RESOLVE_PROXY})
_UNTRUSTED = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE, pycurl.E_SSL_CONNECT_ERROR})


def send_by(transport: HttpTransport, client: Any) -> None:
    """Let a boto3 client of S3 send by a transport, and refuse with a ValueError answers that cost more than S3's."""
    client.meta.events.register("before-send.s3", partial(_send, transport))
    client.meta.events.register_first(_BEFORE_ANY_PARSER, _check_answer)


class _Body(BytesIO):
    """An answer's body where botocore expects a connection to read it from."""

    def stream(self) -> Iterator[bytes]:
        yield self.read()


def _send(transport: HttpTransport, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
    most = MAX_OBJECT_BYTES if request.stream_output else MOST_BYTES
    headers = tuple(f"{name}: {_text(value)}" for name, value in request.headers.items() if name.lower() not in _OURS)
    try:
        answer = transport.send(HttpRequest(request.url, most + 1, request.method, headers, _bytes(request.body)))
    except TransferError as error:
        raise _as_botocores(error, request.url) from error
    return AWSResponse(request.url, answer.status, HeadersDict(answer.headers), _Body(answer.body))


def _bytes(body: Any) -> bytes | None:
    """Return a request's body; botocore makes a file of some."""
    return body if body is None else bytes(body.read() if hasattr(body, "read") else body)


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _as_botocores(error: TransferError, url: str) -> BotoCoreError:
    """Return the error by which botocore decides whether it repeats the call."""
    if error.code in _UNREACHABLE:
        return EndpointConnectionError(endpoint_url=url, error=error)
    if error.code in _UNTRUSTED:
        return SSLError(endpoint_url=url, error=error)
    if error.code == pycurl.E_OPERATION_TIMEDOUT:
        return ReadTimeoutError(endpoint_url=url, error=error)
    return ConnectionClosedError(endpoint_url=url, error=error)


def _check_answer(response_dict: dict[str, Any], **_: Any) -> None:
    body = response_dict["body"]
    if isinstance(body, bytes):  # else an object's content, which isn't XML
        check_answer(body)
