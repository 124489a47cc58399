"""Many objects over real connections: one request each, and another way to read each answer that leaves a question."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest

from auditseal_schemas.errors import UnavailableError
from auditseal_vault.encryption import Encryption
from auditseal_vault.errors import RefusedObjectError, UnreadableObjectError
from auditseal_vault.interface import Retention, StoredObject, StoredVersion, VaultReader
from auditseal_vault.open import open_reader
from tests.factory.http_server import HttpServer, serving, whole

LOCK = Retention("COMPLIANCE", datetime(2028, 1, 2, 3, 4, 5, tzinfo=UTC))
UNTIL = "2028-01-02T03:04:05Z"
LOCKED = ("x-amz-object-lock-mode: COMPLIANCE", f"x-amz-object-lock-retain-until-date: {UNTIL}")
ENCRYPTED = ("x-amz-server-side-encryption: aws:kms", "x-amz-server-side-encryption-aws-kms-key-id: k")
RETENTION = f"<Retention><Mode>COMPLIANCE</Mode><RetainUntilDate>{UNTIL}</RetainUntilDate></Retention>".encode()
ODD = 3
"""The one object that a test's store answers in another way."""


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "any")


def vault_at(server: HttpServer) -> VaultReader:
    return open_reader(f"s3://bucket/above?endpoint={server.url}&region=eu-north-1")


def content(number: int) -> bytes:
    return b"block %d" % number


def listed(number: int) -> StoredVersion:
    return StoredVersion(f"v1/{number}", f"v{number}", True, False, len(content(number)))


def stored(number: int) -> StoredObject:
    return StoredObject(f"v1/{number}", f"v{number}", content(number), LOCK)


def refusal(status: str, code: str) -> Iterator[bytes | float]:
    return whole(f"<Error><Code>{code}</Code><Message>no</Message></Error>".encode(), status)


def right(number: int) -> Iterator[bytes | float]:
    return whole(content(number), "200 OK", f"x-amz-version-id: v{number}", *LOCKED)


class Store:
    """Answers reads of `above/v1/<number>` as a store does, and the odd one's first read as a test says."""

    def __init__(
        self, first: Callable[[], Iterator[bytes | float]], then: Callable[[], Iterator[bytes | float]]
    ) -> None:
        self._first, self._then = first, then
        self.reads: Counter[int] = Counter()
        self.heads: Counter[int] = Counter()
        self.retentions: Counter[int] = Counter()
        self.holds: Counter[int] = Counter()

    def hold(self) -> Iterator[bytes | float]:
        """Answer a question for a legal hold."""
        return whole(b"<LegalHold><Status>ON</Status></LegalHold>")

    def __call__(self, head: str) -> Iterator[bytes | float]:
        parts = urlsplit(head.split()[1])
        match = re.fullmatch(r"/bucket/above/v1/(\d+)", parts.path)
        assert match
        number, query = int(match[1]), parse_qs(parts.query, keep_blank_values=True)
        assert query["versionId"] == [f"v{number}"]
        assert "/eu-north-1/s3/aws4_request" in head
        if "retention" in query:
            self.retentions[number] += 1
            return whole(RETENTION)
        if "legal-hold" in query:
            self.holds[number] += 1
            return self.hold()
        if head.startswith("HEAD"):
            self.heads[number] += 1
            return whole(b"", "200 OK", ITS_ID, *(ENCRYPTED if number == ODD else ()))
        self.reads[number] += 1
        if number != ODD:
            return right(number)
        return self._first() if self.reads[number] == 1 else self._then()


def read_all(store: Store, *versions: StoredVersion) -> list[object]:
    with serving(store) as server:
        return list(vault_at(server).read_many(versions or map(listed, range(9))))


def test_one_request_each() -> None:
    store = Store(lambda: right(ODD), lambda: right(ODD))
    assert read_all(store) == [stored(number) for number in range(9)]
    assert store.reads == Counter(range(9))
    assert not store.retentions


def odd(*headers: str, body: bytes = content(ODD)) -> Callable[[], Iterator[bytes | float]]:
    return lambda: whole(body, "200 OK", *headers)


ITS_ID = f"x-amz-version-id: v{ODD}"


@pytest.mark.parametrize(
    "first",
    [
        odd("x-amz-version-id: v4", *LOCKED),
        odd(*LOCKED),
        odd(ITS_ID, *LOCKED, body=content(ODD) + b"!"),
        odd(ITS_ID, *LOCKED, body=content(ODD)[:-1]),
        odd(ITS_ID, LOCKED[0]),
        odd(ITS_ID, LOCKED[1]),
        odd(ITS_ID, LOCKED[0], "x-amz-object-lock-retain-until-date: never"),
        odd(ITS_ID, LOCKED[0], "x-amz-object-lock-retain-until-date: 2028-01-02T03:04:05"),
        lambda: whole(content(ODD), "206 Partial Content", ITS_ID, *LOCKED),
        lambda: whole(content(ODD), "302 Found", "Location: http://127.0.0.1:9/"),
        lambda: refusal("503 Slow Down", "SlowDown"),
        lambda: refusal("400 Bad Request", "ExpiredToken"),
        lambda: iter([b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\n"]),
    ],
    ids=[
        "another version",
        "no version",
        "longer than listed",
        "shorter than listed",
        "a mode alone",
        "a time alone",
        "a time that is none",
        "a time without a zone",
        "a part",
        "a redirect",
        "slow down",
        "expired token",
        "nothing of the body",
    ],
)
def test_an_answer_with_a_question_is_dropped_and_the_object_read_again(
    first: Callable[[], Iterator[bytes | float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("auditseal_vault.http_connections.STALLED_SECONDS", 1)
    store = Store(first, lambda: right(ODD))
    again = replace(stored(ODD), encryption=Encryption("aws:kms", "k"), legal_hold=True)
    assert read_all(store) == [again if number == ODD else stored(number) for number in range(9)]
    assert store.reads == Counter([*range(9), ODD])
    assert store.retentions == store.heads == store.holds == Counter([ODD])


def test_encryption_at_rest_is_what_the_headers_say() -> None:
    store = Store(odd(ITS_ID, *LOCKED, *ENCRYPTED), lambda: right(ODD))
    encryptions = [outcome.encryption for outcome in read_all(store) if isinstance(outcome, StoredObject)]
    assert encryptions == [Encryption("aws:kms", "k") if number == ODD else None for number in range(9)]
    assert not store.heads


@pytest.mark.parametrize(("shown", "held"), [("ON", True), ("OFF", False), ("on", None)])
def test_a_legal_hold_is_what_the_header_says(shown: str, held: bool | None) -> None:
    store = Store(odd(ITS_ID, *LOCKED, f"x-amz-object-lock-legal-hold: {shown}"), lambda: right(ODD))
    holds = [outcome.legal_hold for outcome in read_all(store) if isinstance(outcome, StoredObject)]
    assert holds == [held if number == ODD else None for number in range(9)]
    assert not store.holds


@pytest.mark.parametrize(
    ("status", "code", "held"),
    [
        ("403 Forbidden", "AccessDenied", None),
        ("501 Not Implemented", "NotImplemented", None),
        ("404 Not Found", "NoSuchObjectLockConfiguration", False),
    ],
)
def test_an_answer_about_a_hold_that_is_a_refusal(status: str, code: str, held: bool | None) -> None:
    with serving(lambda _: refusal(status, code)) as server:
        assert vault_at(server).legal_hold("v1/3", "v3") is held


def test_a_store_that_is_away_does_not_say_that_nothing_is_held() -> None:
    with (
        serving(lambda _: refusal("500 Oh", "InternalError")) as server,
        pytest.raises(UnavailableError, match="InternalError"),
    ):
        vault_at(server).legal_hold("v1/3", "v3")


def test_a_lock_that_no_header_shows_is_asked_for() -> None:
    """AWS shows it in headers to those alone who may GetObjectRetention."""
    store = Store(odd(ITS_ID), lambda: right(ODD))
    assert read_all(store) == [stored(number) for number in range(9)]
    assert store.reads == Counter(range(9))
    assert store.retentions == Counter([ODD])


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("404 Not Found", "NoSuchVersion", UnreadableObjectError),
        ("403 Forbidden", "InvalidObjectState", UnreadableObjectError),
        ("403 Forbidden", "AccessDenied", RefusedObjectError),
    ],
)
def test_one_object_that_cannot_be_read_is_an_outcome_among_others(
    status: str, code: str, kind: type[Exception]
) -> None:
    store = Store(lambda: refusal(status, code), lambda: refusal(status, code))
    outcomes = read_all(store)
    assert type(outcomes[ODD]) is kind
    assert [outcome for outcome in outcomes if isinstance(outcome, StoredObject)] == [
        stored(number) for number in range(9) if number != ODD
    ]


def test_a_store_that_is_away_is_an_error() -> None:
    store = Store(lambda: refusal("500 Oh", "InternalError"), lambda: refusal("500 Oh", "InternalError"))
    outcomes = []
    with serving(store) as server, pytest.raises(UnavailableError, match="InternalError"):
        outcomes.extend(vault_at(server).read_many(map(listed, range(9))))
    assert outcomes == [stored(number) for number in range(ODD)]


def test_a_listing_that_lies_about_sizes_costs_no_memory() -> None:
    """Each body is read up to its listed size, and no further before it is the one object in memory."""
    store = Store(lambda: right(ODD), lambda: right(ODD))
    versions = [replace(listed(number), size=size) for number, size in enumerate([0, 1, 10**12, 7])]
    again = [replace(stored(number), legal_hold=True) for number in range(3)]
    assert read_all(store, *versions) == [*again, stored(3)]
    assert store.reads == Counter([0, 0, 1, 1, 2, 2, 3])
