"""The connections of one thread, driven by libcurl: requests on their way, bounded in bytes and in time.

Redirects are not followed, and nothing but HTTP and HTTPS is spoken. A proxy is taken from the environment.
"""

import selectors
import time
from dataclasses import dataclass
from typing import Any

import pycurl

CONNECT_SECONDS = 5
STALLED_SECONDS = 30
"""A request fails after so many seconds with less than `LEAST_RATE` in each, whichever part of it takes them."""
LEAST_RATE = 1024
"""Bytes per second."""
DEADLINE_SECONDS = 300
"""Of a request, from its beginning to the last byte of its answer."""
MOST_CONNECTIONS = 128
"""Of one thread. With 20 ms of latency they carry 6,400 requests per second."""
_PROTOCOLS = pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
_BUFFER_BYTES = 256 << 10
_WAIT_SECONDS = 1.0  # at most, so that Python handles signals meanwhile
_NOT_LIBCURLS = ("Expect:", "Content-Type:")  # headers that it would add of its own where the request has none
_SELECTED = {
    pycurl.POLL_IN: selectors.EVENT_READ,
    pycurl.POLL_OUT: selectors.EVENT_WRITE,
    pycurl.POLL_INOUT: selectors.EVENT_READ | selectors.EVENT_WRITE,
}


class TransferError(Exception):
    """A request that got no whole answer.

    Attributes:
        code: libcurl's number of the error, `pycurl.E_…`.
    """

    def __init__(self, code: int, problem: str) -> None:
        super().__init__(code, problem)
        self.code, self._problem = code, problem

    def __str__(self) -> str:
        return self._problem


@dataclass(frozen=True, slots=True)
class Signature:
    """The key with which libcurl signs a request to S3 (AWS Signature Version 4).

    Attributes:
        region: The bucket's region.
        access_key: The key's name.
        secret_key: The key.
    """

    region: str
    access_key: str
    secret_key: str


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One request.

    Attributes:
        url: Everything in it percent-encoded.
        most_bytes: How much of the answer's body is read; a longer one is cut there.
        method: `GET`, `HEAD`, `PUT`, `DELETE` or `POST`.
        headers: Lines `name: value`.
        body: None for a request without a body.
        signature: None where `headers` has one.
        seconds: From the request's beginning to the last byte of its answer, at most; None for `DEADLINE_SECONDS`.
    """

    url: str
    most_bytes: int
    method: str = "GET"
    headers: tuple[str, ...] = ()
    body: bytes | None = None
    signature: Signature | None = None
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer.

    Attributes:
        status: Its status code.
        headers: Values by names in lower case; of several headers with one name, the last.
        body: Its body as it was sent.
        is_cut: The body was longer than the request allows.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    is_cut: bool


class Transfer:
    """One request on its way, and as much of its answer as has come.

    Attributes:
        request: The request.
        outcome: None until the transfer has ended.
    """

    def __init__(self, request: HttpRequest) -> None:
        self.request = request
        self.outcome: HttpAnswer | TransferError | None = None
        self._head = bytearray()  # of all answers, those with status 1xx too, and trailers; libcurl bounds it
        self._body: list[bytes] = []
        self._room = request.most_bytes
        self._is_cut = False

    def prepare(self, curl: Any, ca_file: str) -> None:
        """Set a handle's options for the request."""
        request = self.request
        seconds = request.seconds or DEADLINE_SECONDS
        curl.reset()
        for option, value in (
            (pycurl.URL, request.url),
            (pycurl.CUSTOMREQUEST, request.method),
            (pycurl.HTTPHEADER, [*_NOT_LIBCURLS, *request.headers]),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.PROTOCOLS, _PROTOCOLS),
            (pycurl.CAINFO, ca_file),
            (pycurl.NOSIGNAL, 1),
            (pycurl.CONNECTTIMEOUT_MS, int(min(CONNECT_SECONDS, seconds) * 1000)),
            (pycurl.LOW_SPEED_LIMIT, LEAST_RATE),
            (pycurl.LOW_SPEED_TIME, STALLED_SECONDS),
            (pycurl.TIMEOUT_MS, int(seconds * 1000)),
            (pycurl.BUFFERSIZE, _BUFFER_BYTES),
            (pycurl.HEADERFUNCTION, self._head.extend),
            (pycurl.WRITEFUNCTION, self._take_body),
        ):
            curl.setopt(option, value)
        if request.method == "HEAD":
            curl.setopt(pycurl.NOBODY, 1)
        if request.body is not None:
            curl.setopt(pycurl.POSTFIELDS, request.body)
        if request.signature is None:
            curl.setopt(pycurl.PATH_AS_IS, 1)  # it was signed as it is
        else:
            curl.setopt(pycurl.AWS_SIGV4, f"aws:amz:{request.signature.region}:s3")
            curl.setopt(pycurl.USERNAME, request.signature.access_key)
            curl.setopt(pycurl.PASSWORD, request.signature.secret_key)

    def end(self, status: int, code: int = pycurl.E_OK, problem: str = "") -> None:
        """Take the transfer's end; a body that was cut on purpose is not an error."""
        if code == pycurl.E_OK or self._is_cut:
            self.outcome = HttpAnswer(status, _headers(bytes(self._head)), b"".join(self._body), self._is_cut)
        else:
            self.outcome = TransferError(code, problem)

    def _take_body(self, data: bytes) -> int:
        """Take a piece of the body; with less than all of it taken, libcurl closes the connection."""
        taken = data[: self._room]
        self._body.append(taken)
        self._room -= len(taken)
        self._is_cut = len(taken) < len(data)
        return len(taken)


def _headers(head: bytes) -> dict[str, str]:
    """Return the headers of the last answer in what libcurl handed over: several heads, perhaps with trailers."""
    lines = (b"\n\n" + head.replace(b"\r\n", b"\n")).rpartition(b"\n\nHTTP/")[2].partition(b"\n\n")[0]
    pairs = (line.partition(":") for line in lines.decode("latin-1").split("\n")[1:])
    return {name.lower(): value.strip() for name, _, value in pairs}


class Connections:
    """The connections of one thread, and the transfers over them."""

    def __init__(self, ca_file: str) -> None:
        self._ca_file = ca_file
        self._idle: list[Any] = []
        self._transfers: dict[Any, Transfer] = {}
        self._selector = selectors.DefaultSelector()  # libcurl's own way to wait takes no descriptor above 1,023
        self._due: float | None = None
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_MAXCONNECTS, MOST_CONNECTIONS)
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._select)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._set_timer)

    def begin(self, request: HttpRequest) -> Transfer:
        """Send a request."""
        curl = self._idle.pop() if self._idle else pycurl.Curl()
        transfer = Transfer(request)
        transfer.prepare(curl, self._ca_file)
        self._transfers[curl] = transfer
        self._multi.add_handle(curl)
        return transfer

    def finish(self, transfer: Transfer) -> HttpAnswer | TransferError:
        """Wait for the end of a transfer and return its outcome; others continue meanwhile."""
        while transfer.outcome is None:
            self._drive()
        return transfer.outcome

    def abandon(self, transfer: Transfer) -> None:
        """End a transfer that nobody waits for."""
        for curl, other in list(self._transfers.items()):
            if other is transfer:
                self._release(curl)

    def _drive(self) -> None:
        """Wait until something comes or a timer ends, and take it."""
        wait = _WAIT_SECONDS if self._due is None else min(_WAIT_SECONDS, max(0.0, self._due - time.monotonic()))
        for key, events in self._selector.select(wait):
            flags = (pycurl.CSELECT_IN if events & selectors.EVENT_READ else 0) | (
                pycurl.CSELECT_OUT if events & selectors.EVENT_WRITE else 0
            )
            self._multi.socket_action(key.fd, flags)
        if self._due is not None and time.monotonic() >= self._due:
            self._due = None
            self._multi.socket_action(pycurl.SOCKET_TIMEOUT, 0)
        self._take_ends()

    def _take_ends(self) -> None:
        remaining = 1
        while remaining:
            remaining, ended, failed = self._multi.info_read()
            for curl in ended:
                self._release(curl).end(curl.getinfo(pycurl.RESPONSE_CODE))
            for curl, code, problem in failed:
                self._release(curl).end(curl.getinfo(pycurl.RESPONSE_CODE), code, problem)

    def _release(self, curl: Any) -> Transfer:
        self._multi.remove_handle(curl)
        self._idle.append(curl)
        return self._transfers.pop(curl)

    def _select(self, event: int, descriptor: int, _multi: Any, _data: Any) -> None:
        """Wait from now on for what libcurl asks for (CURLMOPT_SOCKETFUNCTION)."""
        known = self._selector.get_map()
        if event == pycurl.POLL_REMOVE:
            if descriptor in known:
                self._selector.unregister(descriptor)
        elif descriptor in known:
            self._selector.modify(descriptor, _SELECTED[event])
        else:
            self._selector.register(descriptor, _SELECTED[event])

    def _set_timer(self, milliseconds: int) -> None:
        """Call libcurl again after this time, or not before something comes (CURLMOPT_TIMERFUNCTION)."""
        self._due = None if milliseconds < 0 else time.monotonic() + milliseconds / 1000
