"""A TCP proxy before a real broker that cuts, resets, delays and holds what passes.

What passes is Kafka's framing (4 bytes of length, then the frame), so that a `Gate` can recognise a request.
"""

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from enum import Enum
from types import TracebackType
from typing import Protocol, Self

from auditseal_local.ports import LOOPBACK, free_ports

_RESET = struct.pack("ii", 1, 0)  # SO_LINGER on, 0 s: close() sends RST


class Direction(Enum):
    REQUEST = "request"
    RESPONSE = "response"


class Link:
    """One client's connection and ours to the broker."""

    def __init__(self, client: socket.socket, broker: socket.socket) -> None:
        self.ends = {Direction.REQUEST: client, Direction.RESPONSE: broker}
        self._locks = {direction: threading.Lock() for direction in Direction}

    def send(self, direction: Direction, frame: bytes) -> None:
        """Hand a frame on: a request to the broker, a response to the client."""
        other = Direction.RESPONSE if direction is Direction.REQUEST else Direction.REQUEST
        with self._locks[direction]:
            self.ends[other].sendall(len(frame).to_bytes(4, "big") + frame)

    def close(self) -> None:
        """End both connections with a reset."""
        for end in self.ends.values():
            with suppress(OSError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Gate(Protocol):
    """Decides on each frame; it may sleep, keep the frame for later, or close the link."""

    def pass_on(self, link: Link, direction: Direction, frame: bytes) -> None: ...

    def keeps(self, link: Link) -> bool:
        """Whether a frame of the link is held, so that it must outlive its client."""
        ...


class OpenGate:
    """Lets everything pass."""

    def pass_on(self, link: Link, direction: Direction, frame: bytes) -> None:
        link.send(direction, frame)

    def keeps(self, link: Link) -> bool:
        return False


class TcpProxy:
    """Listens on a loopback port and forwards to another one. Use as a context manager."""

    def __init__(self, target: int, port: int | None = None) -> None:
        self.port, self._target = port or free_ports(1)[0], target
        self.gate: Gate = OpenGate()
        self.delay = dict.fromkeys(Direction, 0.0)
        """Seconds that each frame waits."""
        self._flowing = {direction: threading.Event() for direction in Direction}
        self._links: set[Link] = set()
        self._lock = threading.Lock()
        self._is_cut = False
        for event in self._flowing.values():
            event.set()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def reset(self) -> None:
        """Reset every connection; new ones are welcome."""
        with self._lock:
            links, self._links = self._links, set()
        for link in links:
            link.close()

    def cut(self) -> None:
        """Reset every connection and, until `mend`, each new one."""
        self._is_cut = True
        self.reset()

    def mend(self) -> None:
        """Undo `cut`, `hold` and delays."""
        self._is_cut = False
        self.delay = dict.fromkeys(Direction, 0.0)
        for event in self._flowing.values():
            event.set()

    def hold(self, direction: Direction) -> None:
        """Let nothing pass in a direction, with the connections open, until `mend`."""
        self._flowing[direction].clear()

    def __enter__(self) -> Self:
        self._listener = socket.create_server((LOOPBACK, self.port), backlog=64)
        threading.Thread(target=self._accept, name="tcp-proxy", daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.cut()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection((LOOPBACK, self._target), timeout=5)
            except OSError:
                client.close()
                continue
            broker.settimeout(None)
            link = Link(client, broker)
            if self._is_cut:
                link.close()
                continue
            with self._lock:
                self._links.add(link)
            for direction in Direction:
                threading.Thread(target=self._pump, args=(link, direction), daemon=True).start()

    def _pump(self, link: Link, direction: Direction) -> None:
        with suppress(OSError):
            for frame in _frames(link.ends[direction]):
                if pause := self.delay[direction]:
                    time.sleep(pause)
                self._flowing[direction].wait()
                self.gate.pass_on(link, direction, frame)
        if not self.gate.keeps(link):
            with self._lock:
                self._links.discard(link)
            link.close()


def _frames(end: socket.socket) -> Iterator[bytes]:
    while header := _exactly(end, 4):
        yield _exactly(end, int.from_bytes(header, "big"))


def _exactly(end: socket.socket, size: int) -> bytes:
    """Return that number of bytes, or fewer if the connection ends."""
    data = bytearray()
    while len(data) < size and (chunk := end.recv(min(1 << 20, size - len(data)))):
        data += chunk
    return bytes(data) if len(data) == size else b""
