"""Gates that recognise requests of Kafka's protocol by their api key: exactly one response lost, one request late.

A request begins with its api key and version (int16 each) and its correlation id (int32), a response with that id:
https://kafka.apache.org/protocol#protocol_messages.
"""

import struct
import threading
from contextlib import suppress
from enum import IntEnum

from tests.faults.tcp_proxy import Direction, Link

_FIRST_FLEXIBLE = 3  # of EndTxn: from this version on a request ends with an empty tag section


class Api(IntEnum):
    """Api keys, of https://kafka.apache.org/protocol#protocol_api_keys."""

    PRODUCE = 0
    FIND_COORDINATOR = 10
    INIT_PRODUCER_ID = 22
    ADD_PARTITIONS = 24
    ADD_OFFSETS = 25
    END_TXN = 26
    TXN_OFFSET_COMMIT = 28


def api_of(frame: bytes) -> tuple[int, int, int]:
    """Return api key, version and correlation id of a request."""
    return struct.unpack_from(">hhi", frame)


def is_commit(frame: bytes) -> bool:
    """Whether a request ends a transaction by committing it: the last field of EndTxn says so."""
    api, version, _ = api_of(frame)
    last = frame[-2] if version >= _FIRST_FLEXIBLE else frame[-1]
    return api == Api.END_TXN and last == 1


class LostResponse:
    """Loses the response to a commit's EndTxn: the broker has done it, the client never gets the answer.

    Its connection then ends, as a lost response's does.
    """

    def __init__(self, times: int = 1) -> None:
        self.done = threading.Event()
        self._left, self._awaited = times, dict[tuple[Link, int], None]()
        self._lock = threading.Lock()

    def keeps(self, link: Link) -> bool:
        return False

    def pass_on(self, link: Link, direction: Direction, frame: bytes) -> None:
        if direction is Direction.REQUEST:
            with self._lock:
                if self._left and is_commit(frame):
                    self._left -= 1
                    self._awaited[link, api_of(frame)[2]] = None
            link.send(direction, frame)
            return
        with self._lock:
            lost = (link, int.from_bytes(frame[:4], "big")) in self._awaited
        if lost:
            self.done.set()
            link.close()
            return
        link.send(direction, frame)


class SwallowedResponse:
    """Swallows the response to a commit's EndTxn and to each later one on its connection, which stays open.

    So the client can't ask again by itself, and its call runs out of time.
    """

    def __init__(self) -> None:
        self.done = threading.Event()
        self._link: Link | None = None
        self._awaited: set[bytes] = set()
        self._lock = threading.Lock()

    def keeps(self, link: Link) -> bool:
        return False

    def pass_on(self, link: Link, direction: Direction, frame: bytes) -> None:
        with self._lock:
            swallowed = link is self._link and direction is Direction.RESPONSE and frame[:4] in self._awaited
            if direction is Direction.REQUEST and is_commit(frame) and self._link in {None, link}:
                self._link = link
                self._awaited.add(frame[4:8])
        if swallowed:
            self.done.set()
        else:
            link.send(direction, frame)


class LateRequest:
    """Keeps one commit's EndTxn back until later transactions have begun, then delivers it to the broker.

    It counts the requests that produce records, from the next initialisation of a producer on.

    The broker's answer to it goes nowhere: the client has given up by then. `delivered` is set once the broker has been
    sent the request, `answered` once it has answered, which shows that it saw it.
    """

    def __init__(self, behind: int = 1) -> None:
        """Deliver it behind the request of this number that produces records."""
        self.held, self.delivered, self.answered = threading.Event(), threading.Event(), threading.Event()
        self._left = behind
        self.answer: bytes = b""
        self._link: Link | None = None
        self._frame = b""
        self._initialised = self._released = False
        self._lock = threading.Lock()

    def keeps(self, link: Link) -> bool:
        return link is self._link and not self.answer

    def error(self) -> int:
        """Return the error that the broker answered; it follows correlation id, tags if any, and throttle time."""
        at = 4 + (self._version() >= _FIRST_FLEXIBLE) + 4
        return int(struct.unpack_from(">h", self.answer, at)[0])

    def _version(self) -> int:
        return api_of(self._frame)[1]

    def pass_on(self, link: Link, direction: Direction, frame: bytes) -> None:
        if direction is Direction.REQUEST and self._keep(link, frame):
            return
        if direction is Direction.RESPONSE and link is self._link and frame[:4] == self._frame[4:8]:
            self.answer = frame
            self.answered.set()
            link.close()
            return
        if direction is Direction.RESPONSE and link is self._link:
            with suppress(OSError):
                link.send(direction, frame)
            return
        link.send(direction, frame)
        if direction is Direction.REQUEST:
            self._release_after(api_of(frame)[0])

    def _keep(self, link: Link, frame: bytes) -> bool:
        with self._lock:
            if self._link is not None or not is_commit(frame):
                return False
            self._link, self._frame = link, frame
        self.held.set()
        return True

    def _release_after(self, api: int) -> None:
        """Deliver the held request right behind the records of a producer that was initialised after it."""
        with self._lock:
            if self._link is None or self._released:
                return
            self._initialised = self._initialised or api == Api.INIT_PRODUCER_ID
            if not (self._initialised and api == Api.PRODUCE):
                return
            self._left -= 1
            if self._left:
                return
            link, self_frame = self._link, self._frame
            self._released = True
        link.send(Direction.REQUEST, self_frame)
        self.delivered.set()


class Mute:
    """Swallows every request of one kind, as a coordinator that hangs does."""

    def __init__(self, api: Api) -> None:
        self.held = threading.Event()
        self._api = api

    def keeps(self, link: Link) -> bool:
        return False

    def pass_on(self, link: Link, direction: Direction, frame: bytes) -> None:
        if direction is Direction.REQUEST and api_of(frame)[0] == self._api:
            self.held.set()
            return
        link.send(direction, frame)
