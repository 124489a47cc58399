"""What a connection may do, and what its certificate is.

It is one of a bounded number. It must send a request's head in time and within a size, and it must read its answers.
What it sends of a request that is answered already is bounded as well, and is read before the connection is closed.
uvicorn lacks these bounds, and doesn't hand on a client's certificate: this is its protocol with all of them.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from auditseal_gateway.answers import PROBLEM, problem_of
from auditseal_gateway.config import Limits
from auditseal_gateway.errors import RequestError
from auditseal_gateway.lingering import LingeringTransport

CERTIFICATE = "certificate"
"""The key in a request's state: names of the verified certificate, `dns:NAME` and `uri:URI`."""
_MOST_HEAD_BYTES = 64 << 10
_KINDS = {"DNS": "dns", "URI": "uri"}


class Connection(HttpToolsProtocol):
    """A connection of a client.

    Args:
        limits: What it may do.
        settings: The arguments of uvicorn's own protocol.
    """

    def __init__(self, limits: Limits, **settings: Any) -> None:
        super().__init__(**settings)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin: give it the time for a head, or end it if there are too many."""
        self._lingering = LingeringTransport(transport, self._limits.read_seconds)
        super().connection_made(cast("asyncio.Transport", self._lingering))
        self.app_state = {**self.app_state, CERTIFICATE: certificate_names(transport.get_extra_info("ssl_object"))}
        if len(self.connections) > self._limits.connections:
            transport.close()
            return
        self._begin_head()

    def data_received(self, data: bytes) -> None:
        """Take some bytes; refuse a head that is too large, whose end has not come yet."""
        self._lingering.count(len(data))
        if self._lingering.lingering:
            return
        head = self._deadline
        super().data_received(data)
        if head is not None and self._deadline is head:  # a later one has begun somewhere within these bytes
            self._head_bytes += len(data)
            if self._head_bytes > _MOST_HEAD_BYTES and not self.transport.is_closing():
                self._refuse(431, f"the request's head is larger than {_MOST_HEAD_BYTES} bytes")

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP, as uvicorn calls it, and end."""
        self._refuse(400, msg)

    def pause_writing(self) -> None:
        """Give a client that doesn't read its answers some time."""
        super().pause_writing()
        self._stalled = self.loop.call_later(self._limits.read_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue: the client reads."""
        self._end_stall()
        super().resume_writing()

    def on_message_begin(self) -> None:
        """Take the first byte of a request."""
        super().on_message_begin()
        self._begin_head()

    def on_headers_complete(self) -> None:
        """Take the end of a request's head."""
        self._end_head()
        self._lingering.receiving = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Take the end of a request."""
        self._lingering.receiving = False
        self._lingering.end_discard()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Take the end of an answer; the client may still send the request that it answers."""
        super().on_response_complete()
        if self._lingering.receiving and self.cycle.response_complete:
            self._lingering.begin_discard()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._end_head()
        self._end_stall()
        self._lingering.end_discard()
        super().connection_lost(exc)

    def _refuse(self, status: int, detail: str) -> None:
        if self._owes_answers():  # this one, written before them, would be read as the answer of an earlier request
            self.transport.abort()
            return
        body = json.dumps(problem_of(RequestError(status, detail))).encode()
        lines = f"content-type: {PROBLEM}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(b"".join((STATUS_LINE[status], lines.encode(), body)))
        self._end_head()
        self._lingering.linger()
        if self.cycle is not None:  # its body has no end: nothing of it is recorded
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _owes_answers(self) -> bool:
        waits = self.cycle is not None and not self.cycle.response_complete and not self._lingering.receiving
        return waits or bool(self.pipeline)

    def _begin_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._limits.read_seconds, self._end_late_head)

    def _end_late_head(self) -> None:
        if self.flow.read_paused:  # its rest may have come: earlier requests of the connection are answered first
            self._deadline = self.loop.call_later(self._limits.read_seconds, self._end_late_head)
        else:
            self.transport.abort()

    def _end_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
            self._head_bytes = 0

    def _end_stall(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None


def certificate_names(connection: ssl.SSLObject | None) -> tuple[str, ...]:
    """Return the alternative names of a client's certificate; none without TLS or without one."""
    certificate: Mapping[str, Any] = (connection and connection.getpeercert()) or {}
    return tuple(f"{_KINDS[kind]}:{name}" for kind, name in certificate.get("subjectAltName", ()) if kind in _KINDS)
