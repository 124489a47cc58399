"""Many new objects over real connections: one request each, and written again after each answer but 200."""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_vault.encryption import Encryption
from auditseal_vault.interface import NewObject
from auditseal_vault.open import open_vault
from tests.factory.http_server import HttpServer, serving, whole

UNTIL = datetime(2028, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)
KMS = Encryption("aws:kms", "k")
ENCRYPTED = ("x-amz-server-side-encryption: aws:kms", "x-amz-server-side-encryption-aws-kms-key-id: k")
ODD = 3
"""The one object of which a test's store answers the first write in another way."""
OF_THE_BODY_AND_SIGNATURE = {
    "authorization",
    "content-length",
    "host",
    "user-agent",
    "x-amz-content-sha256",
    "x-amz-date",
}
OF_A_REPEATED_CALL = {"accept", "accept-encoding", "amz-sdk-invocation-id", "amz-sdk-request", "expect"}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "any")


def new(number: int) -> NewObject:
    return NewObject(f"v1/a b/{number}", b"block %d" % number, UNTIL)


def url_at(server: HttpServer) -> str:
    return f"s3://bucket/above?endpoint={server.url}&region=eu-north-1"


def refusal(status: str, code: str) -> Iterator[bytes | float]:
    return whole(f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), status)


def headers(head: str) -> dict[str, str]:
    lines = (line.partition(": ") for line in head.split("\r\n")[1:] if line)
    found = {name.lower(): value for name, _, value in lines}
    return {name: found[name] for name in found.keys() - OF_THE_BODY_AND_SIGNATURE - OF_A_REPEATED_CALL}


class Store:
    """Counts the writes of each object, and answers the odd one's first write as a test says."""

    def __init__(self, first: Callable[[], Iterator[bytes | float]], *shown: str) -> None:
        self._first, self._shown = first, shown
        self.writes: Counter[int] = Counter()

    def __call__(self, head: str) -> Iterator[bytes | float]:
        method, target, _ = head.partition("\r\n")[0].split()
        above, _, number = urlsplit(target).path.rpartition("/")
        assert (method, above) == ("PUT", "/bucket/above/v1/a%20b")
        assert "/eu-north-1/s3/aws4_request" in head
        self.writes[int(number)] += 1
        is_odd = int(number) == ODD and self.writes[ODD] == 1
        return self._first() if is_odd else whole(b"", "200 OK", *self._shown)


def test_one_request_each_and_many_at_once() -> None:
    store = Store(lambda: whole(b""))

    def slowly(head: str) -> Iterator[bytes | float]:
        yield 0.2
        yield from store(head)

    with serving(slowly) as server:
        open_vault(url_at(server)).put_many(map(new, range(9)))
    assert store.writes == Counter(range(9))
    assert server.most_at_once > 1


@pytest.mark.parametrize("asked", [None, Encryption("AES256"), KMS])
def test_a_write_has_the_headers_that_boto3_sends(asked: Encryption | None) -> None:
    shown = [f"x-amz-server-side-encryption: {asked.algorithm}", *ENCRYPTED[1:]] if asked else []
    with serving(lambda _: whole(b"", "200 OK", *shown)) as server:
        vault = open_vault(url_at(server), asked)
        vault.put(*(getattr(new(0), name) for name in ("key", "data", "retain_until")))
        vault.put_many([new(0)])
    by_boto3, in_bulk = map(headers, server.requests)
    assert in_bulk == by_boto3
    assert by_boto3["x-amz-object-lock-retain-until-date"] == "2028-01-02T03:04:05Z"
    assert by_boto3["x-amz-security-token"] == "any"


@pytest.mark.parametrize(
    "first",
    [
        lambda: refusal("503 Slow Down", "SlowDown"),
        lambda: refusal("409 Conflict", "ConditionalRequestConflict"),
        lambda: refusal("400 Bad Request", "ExpiredToken"),
        lambda: iter([b"not HTTP\r\n\r\n"]),
    ],
    ids=["slow down", "conflict", "an old token", "no answer"],
)
def test_after_another_answer_it_is_written_again(first: Callable[[], Iterator[bytes | float]]) -> None:
    store = Store(first)
    with serving(store) as server:
        open_vault(url_at(server)).put_many(map(new, range(9)))
    assert store.writes[ODD] == 2
    assert set(store.writes) == set(range(9))


def test_a_key_that_exists_is_left_as_it_is() -> None:
    with serving(lambda _: refusal("412 Precondition Failed", "PreconditionFailed")) as server:
        open_vault(url_at(server)).put_many([new(0)])


def test_a_store_that_refuses_is_unavailable() -> None:
    with serving(lambda _: refusal("403 Forbidden", "AccessDenied")) as server:
        vault = open_vault(url_at(server))
        with pytest.raises(UnavailableError, match=r"v1/a b/0 in s3://bucket/above.*AccessDenied"):
            vault.put_many([new(0)])


@pytest.mark.parametrize("shown", [(), ENCRYPTED[:1]])
def test_an_answer_without_the_encryption_halts(shown: tuple[str, ...]) -> None:
    with serving(Store(lambda: whole(b"", "200 OK", *shown), *ENCRYPTED)) as server:
        vault = open_vault(url_at(server), KMS)
        with pytest.raises(HaltError, match=f"v1/a b/{ODD}") as caught:
            vault.put_many(map(new, range(9)))
    assert caught.value.halt is Halt.NOT_ENCRYPTED
