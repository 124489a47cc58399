"""Requests of any number of threads, one after the other or many in flight, with outcomes in the order of requests."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator

from auditseal_vault.http_connections import (
    MOST_CONNECTIONS,
    Connections,
    HttpAnswer,
    HttpRequest,
    Transfer,
    TransferError,
)

MOST_BYTES = 32 << 20
"""Of the answers to all requests in flight on one thread, if each is as long as it may be."""


class HttpTransport:
    """Sends requests. Any number of threads may share one; each has connections of its own.

    Args:
        ca_file: The file of certificates that a server's certificate must lead to.
    """

    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file
        self._of_thread = threading.local()

    def send(self, request: HttpRequest) -> HttpAnswer:
        """Send one request and return its answer.

        Raises:
            TransferError: It got no answer, or not all of it.
        """
        (outcome,) = self.send_many([request])
        if isinstance(outcome, TransferError):
            raise outcome
        return outcome

    def send_many(self, requests: Iterable[HttpRequest]) -> Iterator[HttpAnswer | TransferError]:
        """Send requests and yield the outcome of each, in their order.

        As many are in flight as there may be connections, but no more than can fill `MOST_BYTES`. One always is.
        """
        connections, flight = self._connections(), _Flight()
        coming = iter(requests)
        following = next(coming, None)
        try:
            while flight.transfers or following:
                while following and flight.has_room(following):
                    flight.add(connections.begin(following))
                    following = next(coming, None)
                outcome = connections.finish(flight.transfers[0])
                flight.remove_first()
                yield outcome
        finally:
            for transfer in flight.transfers:
                connections.abandon(transfer)

    def _connections(self) -> Connections:
        if not hasattr(self._of_thread, "connections"):
            self._of_thread.connections = Connections(self._ca_file)
        connections: Connections = self._of_thread.connections
        return connections


class _Flight:
    """The transfers under way, the oldest first, and how many bytes their answers may have."""

    def __init__(self) -> None:
        self.transfers: deque[Transfer] = deque()
        self._bytes = 0

    def has_room(self, request: HttpRequest) -> bool:
        """Return whether another request may be sent now."""
        is_small = self._bytes + request.most_bytes <= MOST_BYTES and len(self.transfers) < MOST_CONNECTIONS
        return is_small or not self.transfers

    def add(self, transfer: Transfer) -> None:
        """Take a transfer that began."""
        self.transfers.append(transfer)
        self._bytes += transfer.request.most_bytes

    def remove_first(self) -> None:
        """Drop the oldest transfer, which has ended."""
        self._bytes -= self.transfers.popleft().request.most_bytes
