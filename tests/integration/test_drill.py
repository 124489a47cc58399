"""The WORM drill against a store that keeps its word, one that doesn't, and one that fails a single step."""

import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer

from auditseal_local.minio import MinioNode
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_vault import drill as drill_module
from auditseal_vault.drill import CANARY_PREFIX, drill, drill_bucket
from auditseal_vault.open import open_vault
from auditseal_vault.s3_client import Bucket, S3Client


@pytest.fixture
def bucket(minio: MinioNode, new_bucket: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> Bucket:
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    return Bucket(new_bucket(), "some/prefix/", minio.endpoint)


@pytest.fixture
def moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "any")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


def refusal(vault_url: str) -> str:
    with pytest.raises(HaltError) as caught:
        drill(open_vault(vault_url))
    assert caught.value.halt is Halt.WORM_REFUSED
    return str(caught.value)


def test_minio_is_accepted_and_nothing_lands_among_the_blocks(bucket: Bucket) -> None:
    vault = open_vault(f"s3://{bucket.name}/{bucket.prefix}?endpoint={bucket.endpoint}")
    drill(vault)
    drill(vault)
    assert list(vault.versions("v1/")) == []
    canaries = list(vault.versions(""))
    assert len(canaries) == 4
    assert all(canary.key.startswith(CANARY_PREFIX) for canary in canaries)


def test_motos_server_is_refused(moto: str) -> None:
    """It answers 403 to a delete, and lets any client shorten a COMPLIANCE lock first."""
    S3Client(Bucket("b", endpoint=moto), 1).boto3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    assert "'shorten'" in refusal(f"s3://locked?endpoint={moto}")


def test_a_bucket_without_object_lock_is_refused(bucket: Bucket) -> None:
    S3Client(bucket, 1).boto3.create_bucket(Bucket=f"{bucket.name}-unlocked")
    assert "'locked write'" in refusal(f"s3://{bucket.name}-unlocked?endpoint={bucket.endpoint}")


def test_a_store_that_is_away_is_no_verdict(bucket: Bucket) -> None:
    with pytest.raises(UnavailableError):
        drill(open_vault(f"s3://{bucket.name}?endpoint=http://127.0.0.1:9"))


def test_wrong_credentials_are_no_verdict(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another one")
    with pytest.raises(UnavailableError, match="SignatureDoesNotMatch"):
        drill(open_vault(f"s3://{bucket.name}?endpoint={bucket.endpoint}"))


def test_credentials_that_expire_amid_the_drill_are_no_verdict(bucket: Bucket) -> None:
    client = Lying(bucket)

    def expire(**_: Any) -> None:
        status = {"HTTPStatusCode": 400}
        raise ClientError({"Error": {"Code": "ExpiredToken"}, "ResponseMetadata": status}, "DeleteObject")

    client.delete_object = expire
    with pytest.raises(ClientError, match="ExpiredToken"):
        drill_bucket(client, bucket)


def test_a_5xx_is_no_verdict(bucket: Bucket) -> None:
    client = Lying(bucket)

    def slow_down(**_: Any) -> None:
        status = {"HTTPStatusCode": 503}
        raise ClientError({"Error": {"Code": "SlowDown", "Message": ""}, "ResponseMetadata": status}, "DeleteObject")

    client.delete_object = slow_down
    with pytest.raises(ClientError, match="SlowDown"):
        drill_bucket(client, bucket)


def test_a_missing_bucket_is_none_without_locks(bucket: Bucket) -> None:
    with pytest.raises(UnavailableError, match="HeadBucket"):
        drill(open_vault(f"s3://{bucket.name}-missing?endpoint={bucket.endpoint}"))


class Lying:
    """MinIO, but for what a test puts in its place."""

    def __init__(self, bucket: Bucket) -> None:
        self._real = S3Client(bucket, 1).boto3

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


def allow(client: Lying, call: str, when: Callable[[dict[str, Any]], bool]) -> None:
    """Answer the chosen calls as if they had been carried out."""
    real = getattr(client, call)
    setattr(client, call, lambda **arguments: {} if when(arguments) else real(**arguments))


def bypasses(arguments: dict[str, Any]) -> bool:
    return "BypassGovernanceRetention" in arguments


def is_second_write() -> Callable[[dict[str, Any]], bool]:
    seen: set[str] = set()

    def second(arguments: dict[str, Any]) -> bool:
        return arguments["Key"] in seen or bool(seen.add(arguments["Key"]))

    return second


def mode(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda arguments: arguments["Retention"]["Mode"] == name and not bypasses(arguments)


def bypassed_mode(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda arguments: arguments["Retention"]["Mode"] == name and bypasses(arguments)


@pytest.mark.parametrize(
    ("step", "call", "when"),
    [
        ("overwrite", "put_object", is_second_write()),
        ("delete", "delete_object", lambda arguments: not bypasses(arguments)),
        ("delete with bypass", "delete_object", bypasses),
        ("shorten", "put_object_retention", mode("COMPLIANCE")),
        ("shorten with bypass", "put_object_retention", bypassed_mode("COMPLIANCE")),
        ("downgrade", "put_object_retention", mode("GOVERNANCE")),
        ("downgrade with bypass", "put_object_retention", bypassed_mode("GOVERNANCE")),
    ],
)
def test_each_attack_that_is_allowed_is_named(bucket: Bucket, step: str, call: str, when: Any) -> None:
    client = Lying(bucket)
    allow(client, call, when)
    with pytest.raises(HaltError, match=f"step '{step}' of the WORM drill: the store allowed it"):
        drill_bucket(client, bucket)


def test_a_lock_in_governance_mode_is_refused(bucket: Bucket) -> None:
    client = Lying(bucket)
    put = client.put_object
    client.put_object = lambda **arguments: put(**{**arguments, "ObjectLockMode": "GOVERNANCE"})
    with pytest.raises(HaltError, match=r"step 'locked write'.*should be COMPLIANCE"):
        drill_bucket(client, bucket)


def test_a_lock_that_ends_too_early_is_refused(bucket: Bucket) -> None:
    client = Lying(bucket)
    put = client.put_object
    sooner = datetime.now(UTC) + timedelta(minutes=1)
    client.put_object = lambda **arguments: put(**{**arguments, "ObjectLockRetainUntilDate": sooner})
    with pytest.raises(HaltError, match=r"step 'locked write'.*should be COMPLIANCE"):
        drill_bucket(client, bucket)


@pytest.mark.parametrize(
    "answer",
    [
        {"Mode": "GOVERNANCE", "RetainUntilDate": datetime(2100, 1, 1, tzinfo=UTC)},
        {"Mode": "COMPLIANCE", "RetainUntilDate": datetime(2000, 1, 1, tzinfo=UTC)},
    ],
)
def test_a_lock_that_is_shown_otherwise_is_refused(bucket: Bucket, answer: dict[str, Any]) -> None:
    client = Lying(bucket)
    client.get_object_retention = lambda **_: {"Retention": answer}
    with pytest.raises(HaltError, match="step 'show the lock'"):
        drill_bucket(client, bucket)


def test_a_lock_that_auditors_may_not_see_is_refused(bucket: Bucket) -> None:
    client = Lying(bucket)

    def deny(**_: Any) -> None:
        status = {"HTTPStatusCode": 403}
        raise ClientError({"Error": {"Code": "AccessDenied"}, "ResponseMetadata": status}, "GetObjectRetention")

    client.get_object_retention = deny
    with pytest.raises(HaltError, match="auditors can't see it"):
        drill_bucket(client, bucket)


def test_a_refusal_that_was_a_mere_word_is_seen(bucket: Bucket) -> None:
    client = Lying(bucket)
    retain = client.put_object_retention

    def plant_a_marker(**arguments: Any) -> Any:
        S3Client(bucket, 1).boto3.delete_object(Bucket=arguments["Bucket"], Key=arguments["Key"])
        return retain(**arguments)

    client.put_object_retention = plant_a_marker
    with pytest.raises(HaltError, match=r"step 'shorten'.*2 versions and markers"):
        drill_bucket(client, bucket)


def test_content_that_changed_is_seen(bucket: Bucket) -> None:
    client = Lying(bucket)
    get = client.get_object

    class Other:
        def __enter__(self) -> "Other":
            return self

        def __exit__(self, *_: object) -> None: ...

        def read(self, _: int) -> bytes:
            return b"other"

    client.get_object = lambda **arguments: {**get(**arguments), "Body": Other()}
    with pytest.raises(HaltError, match=r"step 'overwrite'.*the content has changed"):
        drill_bucket(client, bucket)


@pytest.mark.parametrize("winners", [0, 2])
def test_a_race_with_no_winner_or_two_is_refused(bucket: Bucket, winners: int, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Lying(bucket)
    lock, outcomes = threading.Lock(), iter([True] * winners + [False] * 32)

    def stored(*_: object) -> bool:
        with lock:
            return next(outcomes)

    monkeypatch.setattr(drill_module, "_is_stored", stored)
    with pytest.raises(HaltError, match=f"step 'race' of the WORM drill: {winners} of 32"):
        drill_bucket(client, bucket)


def test_a_race_that_another_won_is_refused(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    real = drill_module._is_stored
    done = threading.Event()

    def swapped(client: Any, name: str, key: str, content: bytes, until: datetime) -> bool:
        won = real(client, name, key, content[::-1], until)
        done.set()
        return won

    monkeypatch.setattr(drill_module, "_is_stored", swapped)
    with pytest.raises(HaltError, match=r"step 'race'.*not what the one successful write wrote"):
        drill_bucket(S3Client(bucket, 1).boto3, bucket)
    assert done.is_set()
