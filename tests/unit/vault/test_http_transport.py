"""Requests over real connections: in order, many at once, and bounded in bytes and in time."""

import contextlib
import os
import resource
import ssl
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pycurl
import pytest
from cryptography import x509

from auditseal_vault import http_connections, http_transport
from auditseal_vault.http_connections import HttpAnswer, HttpRequest, TransferError
from auditseal_vault.http_transport import HttpTransport
from tests.factory.certificates import LOOPBACK_NAME, Authority
from tests.factory.http_server import HttpServer, dripping, serving, whole

PROMPT = 20.0  # seconds, in which a bound of one second has ended a request


@pytest.fixture
def transport() -> HttpTransport:
    return HttpTransport("/dev/null")


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the bounds in time."""
    monkeypatch.setattr(http_connections, "STALLED_SECONDS", 1)
    monkeypatch.setattr(http_connections, "DEADLINE_SECONDS", 2)


def numbered(head: str) -> Iterator[bytes | float]:
    """Answer with the path, the even ones later than the odd ones."""
    path = head.split()[1]
    yield 0.02 if int(path.strip("/")) % 2 == 0 else 0.0
    yield from whole(path.encode())


def test_an_answer_has_status_headers_and_body(transport: HttpTransport) -> None:
    with serving(lambda _: whole(b"body", "404 Not Found", "X-A: first", "x-a:second ", "X-Empty:")) as server:
        answer = transport.send(HttpRequest(server.url, 100))
    assert (answer.status, answer.body, answer.is_cut) == (404, b"body", False)
    assert answer.headers == {"content-length": "4", "x-a": "second", "x-empty": ""}


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "GET"])
@pytest.mark.parametrize("body", [None, b"", b"x" * 3_000_000])
def test_a_request_is_sent_as_it_is(transport: HttpTransport, method: str, body: bytes | None) -> None:
    with serving(lambda _: whole(b"")) as server:
        for _ in range(2):  # over one connection
            transport.send(HttpRequest(f"{server.url}/a/../b%20?c", 0, method, ("X-A: 1",), body))
    for head in server.requests:
        line, *headers = head.split("\r\n")
        assert line == f"{method} /a/../b%20?c HTTP/1.1"
        names = {header.partition(":")[0].lower(): header.partition(":")[2].strip() for header in headers}
        assert names.pop("content-length", None) == (None if body is None else str(len(body)))
        assert set(names) == {"host", "accept", "user-agent", "x-a"}


def test_a_head_request_waits_for_no_body(transport: HttpTransport) -> None:
    with serving(lambda _: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n"])) as server:
        for _ in range(2):
            answer = transport.send(HttpRequest(server.url, 100, "HEAD"))
            assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", "4")


def test_outcomes_come_in_the_order_of_requests_with_many_in_flight(transport: HttpTransport) -> None:
    with serving(numbered) as server:
        requests = (HttpRequest(f"{server.url}/{number}", 10) for number in range(500))
        answers = list(transport.send_many(requests))
    assert [answer.body for answer in answers if isinstance(answer, HttpAnswer)] == [
        b"/%d" % number for number in range(500)
    ]
    assert 8 <= server.most_at_once <= http_connections.MOST_CONNECTIONS


def test_no_more_is_asked_for_than_may_be_held(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_transport, "MOST_BYTES", 100)
    taken = 0

    def requests(server: HttpServer) -> Iterator[HttpRequest]:
        nonlocal taken
        for number in range(50):
            taken += 1
            yield HttpRequest(f"{server.url}/{number}", 250 if number == 10 else 25)

    with serving(numbered) as server:
        for number, _ in enumerate(transport.send_many(requests(server))):
            assert taken <= number + 6  # 4 in flight, one that was yielded, one that waits for room
    assert (number, taken) == (49, 50)
    assert server.most_at_once <= 4


def test_one_failure_among_many_is_one_outcome(transport: HttpTransport) -> None:
    def answer(head: str) -> Iterator[bytes | float]:
        if head.split()[1] == "/7":
            raise OSError  # the connection is closed without an answer
        return whole(b"")

    with serving(answer) as server:
        outcomes = list(transport.send_many(HttpRequest(f"{server.url}/{number}", 10) for number in range(20)))
    assert [number for number, outcome in enumerate(outcomes) if isinstance(outcome, TransferError)] == [7]


def test_a_request_may_be_sent_while_others_are_in_flight(transport: HttpTransport) -> None:
    with serving(numbered) as server:
        for number, answer in enumerate(
            transport.send_many(HttpRequest(f"{server.url}/{number}", 10) for number in range(40))
        ):
            assert isinstance(answer, HttpAnswer)
            assert answer.body == b"/%d" % number
            assert transport.send(HttpRequest(f"{server.url}/{1000 + number}", 10)).body == b"/%d" % (1000 + number)


def test_what_nobody_waits_for_is_given_up(transport: HttpTransport) -> None:
    with serving(numbered) as server:
        several = transport.send_many(HttpRequest(f"{server.url}/{number}", 10) for number in range(40))
        next(several)
        several.close()
        assert transport.send(HttpRequest(f"{server.url}/99", 10)).body == b"/99"
        assert transport._connections()._transfers == {}


def test_threads_share_a_transport(transport: HttpTransport) -> None:
    with serving(numbered) as server, ThreadPoolExecutor(16) as pool:
        bodies = pool.map(lambda number: transport.send(HttpRequest(f"{server.url}/{number}", 10)).body, range(200))
        assert list(bodies) == [b"/%d" % number for number in range(200)]


def test_it_works_with_descriptors_above_a_thousand(transport: HttpTransport) -> None:
    """select(2) can't wait for them, and libcurl leaves them out silently."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 4096), hard))
    try:
        with contextlib.ExitStack() as stack:
            for _ in range(1100):
                stack.callback(os.close, os.open("/dev/null", os.O_RDONLY))
            with serving(numbered) as server:
                began = time.monotonic()
                assert transport.send(HttpRequest(f"{server.url}/0", 10)).body == b"/0"
                assert time.monotonic() - began < 20
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class TestBounds:
    """In bytes and in time, whatever a server does."""

    @pytest.mark.parametrize("is_chunked", [False, True])
    def test_a_longer_body_is_cut(self, transport: HttpTransport, is_chunked: bool) -> None:
        sent = 0

        def answer(_head: str) -> Iterator[bytes | float]:
            nonlocal sent
            framing = "Transfer-Encoding: chunked" if is_chunked else "Content-Length: 100000000"
            yield f"HTTP/1.1 200 OK\r\n{framing}\r\n\r\n".encode()
            for _ in range(100):
                yield (b"f4240\r\n" if is_chunked else b"") + bytes(1_000_000) + (b"\r\n" if is_chunked else b"")
                sent += 1_000_000

        with serving(answer) as server:
            answered = transport.send(HttpRequest(server.url, 1_500_000))
            assert (answered.status, len(answered.body), answered.is_cut) == (200, 1_500_000, True)
        assert sent < 50_000_000

    @pytest.mark.parametrize("most", [4, 5])
    def test_a_body_of_just_the_length_is_whole(self, transport: HttpTransport, most: int) -> None:
        with serving(lambda _: whole(b"body")) as server:
            assert transport.send(HttpRequest(server.url, most)).body == b"body"
            assert transport.send(HttpRequest(server.url, 3)).is_cut

    @pytest.mark.usefixtures("short")
    @pytest.mark.parametrize(
        "answer",
        [
            lambda: iter([60.0]),
            lambda: dripping(b"HTTP/1.1 200 OK\r\n" + b"X-A: 1\r\n" * 100, 0.1),
            lambda: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *dripping(bytes(100), 0.1)]),
            lambda: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf of it", 60.0]),
            lambda: iter(
                [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *dripping(b"1\r\na\r\n" * 99, 0.1)]
            ),
            lambda: iter([b"HTTP/1.1 100 Continue\r\n\r\n", 0.1] * 600),
            lambda: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", *[bytes(2000), 0.1] * 600]),
        ],
        ids=["silence", "headers", "body", "half a body", "chunks", "continue", "just fast enough"],
    )
    def test_an_answer_that_takes_too_long_is_given_up(self, transport: HttpTransport, answer: object) -> None:
        began = time.monotonic()
        with serving(lambda _: answer()) as server:  # type: ignore[operator]
            with pytest.raises(TransferError) as caught:
                transport.send(HttpRequest(server.url, 10_000_000))
            assert caught.value.code == pycurl.E_OPERATION_TIMEDOUT
        assert time.monotonic() - began < PROMPT

    def test_endless_headers_are_given_up(self, transport: HttpTransport) -> None:
        endless = [b"HTTP/1.1 200 OK\r\n", *[b"X-A: %s\r\n" % (b"a" * 1000)] * 10_000]
        with serving(lambda _: iter(endless)) as server, pytest.raises(TransferError):
            transport.send(HttpRequest(server.url, 10))

    @pytest.mark.parametrize(
        "answer",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            b"",
            b"hello\r\n\r\n",
        ],
        ids=["a body", "chunks", "nothing", "no HTTP"],
    )
    def test_an_answer_that_breaks_off_is_an_error(self, transport: HttpTransport, answer: bytes) -> None:
        def broken(_head: str) -> Iterator[bytes | float]:
            yield answer
            raise OSError

        with serving(broken) as server, pytest.raises(TransferError):
            transport.send(HttpRequest(server.url, 100))

    def test_a_port_where_nobody_listens(self, transport: HttpTransport) -> None:
        with pytest.raises(TransferError) as caught:
            transport.send(HttpRequest("http://127.0.0.1:9", 10))
        assert caught.value.code == pycurl.E_COULDNT_CONNECT


class TestElsewhere:
    """A server can't send a reader to another one."""

    def test_a_redirect_is_an_answer(self, transport: HttpTransport) -> None:
        with serving(lambda _: whole(b"elsewhere")) as other:
            location = f"Location: {other.url}/there"
            with serving(lambda _: whole(b"", "307 Temporary Redirect", location)) as server:
                assert transport.send(HttpRequest(server.url, 100)).status == 307
        assert other.requests == []

    @pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/x", "dict://127.0.0.1/x"])
    def test_nothing_but_http_is_spoken(self, transport: HttpTransport, url: str) -> None:
        with pytest.raises(TransferError) as caught:
            transport.send(HttpRequest(url, 100))
        assert caught.value.code == pycurl.E_UNSUPPORTED_PROTOCOL

    def test_informational_answers_and_trailers_are_dropped(self, transport: HttpTransport) -> None:
        answer = (
            b"HTTP/1.1 103 Early Hints\r\nX-A: early\r\nX-B: early\r\n\r\n"
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nX-A: right\r\n\r\n"
            b"4\r\nbody\r\n0\r\nX-A: trailer\r\nX-C: trailer\r\n\r\n"
        )
        with serving(lambda _: iter([answer])) as server:
            answered = transport.send(HttpRequest(server.url, 100))
        assert answered.body == b"body"
        assert answered.headers == {"transfer-encoding": "chunked", "x-a": "right"}


class TestTls:
    """A server's certificate must lead to the given authorities, and name the host."""

    @pytest.fixture
    def authority(self) -> Authority:
        return Authority("the store's")

    def _send(self, tmp_path: Path, trusted: Authority, certificate: tuple[str, str]) -> HttpAnswer:
        """Send a request to a server with a certificate, trusting an authority."""
        (tmp_path / "ca.pem").write_text(trusted.pem)
        (tmp_path / "server.pem").write_text("".join(certificate))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(tmp_path / "server.pem")
        with serving(lambda _: whole(b"body"), context) as server:
            return HttpTransport(str(tmp_path / "ca.pem")).send(HttpRequest(server.url, 100))

    def test_a_trusted_certificate(self, tmp_path: Path, authority: Authority) -> None:
        assert self._send(tmp_path, authority, authority.issue("store")).body == b"body"

    @pytest.mark.parametrize("fault", ["another authority", "another host", "expired"])
    def test_any_other_certificate_is_refused(self, tmp_path: Path, authority: Authority, fault: str) -> None:
        trusted = Authority("another") if fault == "another authority" else authority
        names = [x509.DNSName("elsewhere.example")] if fault == "another host" else [LOOPBACK_NAME]
        certificate = authority.issue("store", names, expired=fault == "expired")
        with pytest.raises(TransferError) as caught:
            self._send(tmp_path, trusted, certificate)
        assert caught.value.code == pycurl.E_PEER_FAILED_VERIFICATION

    def test_a_file_of_authorities_that_is_missing(self, tmp_path: Path) -> None:
        with pytest.raises(TransferError) as caught:
            HttpTransport(str(tmp_path / "none")).send(HttpRequest("https://127.0.0.1:9", 100))
        assert caught.value.code in {pycurl.E_SSL_CACERT_BADFILE, pycurl.E_COULDNT_CONNECT}
