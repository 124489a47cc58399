"""Closes a connection so that its client still gets the answer.

If a socket is closed while bytes of its client are unread, the system resets the connection, and the client may lose an
answer that it has not read (RFC 9112, section 9.6). So what a client still sends is read and discarded first, within
a time and a size.
"""

import asyncio
from typing import Any

MOST_DISCARDED_BYTES = 64 << 20


class LingeringTransport:
    """A transport whose `close` lets the client end its request, if it still sends one.

    Args:
        transport: The connection.
        seconds: How long bytes are discarded.

    Attributes:
        receiving: Whether a request has begun whose end has not come yet.
        lingering: Whether it is closed but for what the client still sends.
    """

    def __init__(self, transport: asyncio.Transport, seconds: float) -> None:
        self._transport = transport
        self._seconds = seconds
        self._end: asyncio.TimerHandle | None = None
        self._discarded = 0
        self.receiving = self.lingering = False
        self.write = transport.write  # each answer calls it: not by __getattr__

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        """Whether nothing more is answered."""
        return self.lingering or self._transport.is_closing()

    def close(self) -> None:
        """Close the connection; the second call does so at once."""
        if self.receiving and not self.is_closing():
            self.linger()
        else:
            self._transport.close()

    def linger(self) -> None:
        """Send nothing more, and close when the client does, or when it has sent for too long or too much."""
        self.lingering = True
        if self._transport.can_write_eof():  # not with TLS
            self._transport.write_eof()
        self._transport.resume_reading()
        self.begin_discard()

    def begin_discard(self) -> None:
        """Bound what the client still sends of a request that is answered."""
        if self._end is None:
            self._end = asyncio.get_running_loop().call_later(self._seconds, self._transport.close)

    def count(self, size: int) -> None:
        """Count bytes that came."""
        if self._end is not None:
            self._discarded += size
            if self._discarded > MOST_DISCARDED_BYTES:
                self._transport.close()

    def end_discard(self) -> None:
        """Take the end of the request, or of the connection."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
            self._discarded = 0
