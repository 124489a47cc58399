"""What a connection may do: send a request's head in time, and be one of a bounded number; and what its certificate is.

uvicorn has no time limit for a head, no bound on connections that leaves others alone, and doesn't hand on a client's
certificate. This is its protocol with the three of them.
"""

import asyncio
import ssl
from collections.abc import Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from auditseal_gateway.config import Limits

CERTIFICATE = "certificate"
"""The key in a request's state: names of the verified certificate, `dns:NAME` and `uri:URI`."""
_KINDS = {"DNS": "dns", "URI": "uri"}


class Connection(HttpToolsProtocol):
    """A connection of a client.

    Args:
        limits: What it may do.
        settings: What uvicorn passes.
    """

    def __init__(self, limits: Limits, **settings: Any) -> None:
        super().__init__(**settings)
        self._limits = limits
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Begin: give it the time for a head, or end it if there are too many."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, CERTIFICATE: certificate_names(transport.get_extra_info("ssl_object"))}
        if len(self.connections) > self._limits.connections:
            transport.close()
            return
        self._begin_head()

    def on_message_begin(self) -> None:
        """Take the first byte of a request."""
        super().on_message_begin()
        self._begin_head()

    def on_headers_complete(self) -> None:
        """Take the end of a request's head."""
        self._end_head()
        super().on_headers_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._end_head()
        super().connection_lost(exc)

    def _begin_head(self) -> None:
        if self._deadline is None:
            self._deadline = self.loop.call_later(self._limits.read_seconds, self.transport.abort)

    def _end_head(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def certificate_names(connection: ssl.SSLObject | None) -> tuple[str, ...]:
    """Return the alternative names of a client's certificate; none without TLS or without one."""
    certificate: Mapping[str, Any] = (connection and connection.getpeercert()) or {}
    return tuple(f"{_KINDS[kind]}:{name}" for kind, name in certificate.get("subjectAltName", ()) if kind in _KINDS)
