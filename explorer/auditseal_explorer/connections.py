"""What a connection may do before anyone is logged in, and what its certificate is.

It is one of a bounded number. It must send a request in time, and take its answers. uvicorn lacks these bounds, and
doesn't hand on a client's certificate: this is its protocol with all of them.
"""

import asyncio

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

MOST = 500
"""Connections at once; each takes a file descriptor. More are closed as soon as they are made."""
REQUEST_SECONDS = 20.0
"""For a request from its first byte to its last one, and for a new connection's first request."""
TAKE_SECONDS = 90.0
"""For a client to take what waits for it: longer than an answer gives its reader, which says why it ends."""


class Connection(H11Protocol):
    """A connection, whose requests know the client's certificate, as `request.state.certificate`."""

    _request_due: asyncio.TimerHandle | None = None
    _take_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin: take the certificate that TLS has verified, or end it if there are too many."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "certificate": transport.get_extra_info("peercert")}
        if len(self.connections) > MOST:
            transport.abort()
            return
        self._begin_request()

    def data_received(self, data: bytes) -> None:
        """Take some bytes. A request that they begin has to end in time, and so has one that they don't end."""
        super().data_received(data)
        if self.conn.their_state in (h11.IDLE, h11.SEND_BODY):
            self._begin_request()
        else:
            self._end_request()

    def pause_writing(self) -> None:
        """Give a client that does not take its answer some time."""
        super().pause_writing()
        self._end_taking()
        self._take_due = self.loop.call_later(TAKE_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Continue: the client takes it."""
        self._end_taking()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection without a next request, whether its client takes the last answer or not."""
        super().timeout_keep_alive_handler()
        self.loop.call_later(TAKE_SECONDS, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._end_request()
        self._end_taking()
        super().connection_lost(exc)

    def _begin_request(self) -> None:
        if self._request_due is None:
            self._request_due = self.loop.call_later(REQUEST_SECONDS, self.transport.abort)

    def _end_request(self) -> None:
        if self._request_due is not None:
            self._request_due.cancel()
            self._request_due = None

    def _end_taking(self) -> None:
        if self._take_due is not None:
            self._take_due.cancel()
            self._take_due = None
