"""The archiver's check of written blocks on a real store, where a conditional write succeeds over a delete marker."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from auditseal_archiver.retention import sealed_time
from auditseal_local.minio import MinioNode
from auditseal_schemas.halt import Halt
from auditseal_vault.open import open_vault
from auditseal_vault.s3 import S3Vault
from auditseal_vault.s3_client import S3Client
from tests.factory.archiving import DAY, halts, new_archiver
from tests.factory.blocks import NOW, chain, resigned
from tests.factory.keys import ORIGIN

pytestmark = pytest.mark.minio

BLOCKS, _ = chain(3, 2, 0, 4)
DATA = [block.format() for block in BLOCKS]
KEY = ORIGIN.block_key(1)
FORK = resigned(BLOCKS[1], sealed_at=NOW + 9).format()


@pytest.fixture
def vault(minio: MinioNode, new_bucket: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> S3Vault:
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    opened = open_vault(minio.vault_url(new_bucket()))
    assert isinstance(opened, S3Vault)
    return opened


def test_a_block_is_one_request_and_many_are_one_check(vault: S3Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    archiver.archive(DATA[0], "it")  # and the lock of the first block is read, to be shown
    requests = list[str]()
    send = S3Client.call

    def call(client: S3Client, operation: str, **arguments: Any) -> Any:
        requests.append(operation)
        return send(client, operation, **arguments)

    monkeypatch.setattr(S3Client, "call", call)
    for data in DATA[1:]:
        archiver.archive(data, "it")
    assert requests == ["put_object"] * 3
    archiver.check_written()
    assert requests == ["put_object"] * 3 + ["list_object_versions"]
    assert [vault.read(ORIGIN.block_key(height)) for height in range(4)] == DATA


@pytest.mark.parametrize(("squat", "halt"), [(None, Halt.SQUATTED), (b"garbage", Halt.SQUATTED), (FORK, Halt.FORK)])
def test_an_object_below_a_delete_marker_is_found(
    vault: S3Vault, minio: MinioNode, squat: bytes | None, halt: Halt
) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    place, client = {"Bucket": vault.bucket.name, "Key": vault.bucket.prefix + KEY}, minio.s3()
    version = client.put_object(**place, Body=squat or b"soon gone")["VersionId"]
    client.delete_object(**place)
    if squat is None:
        client.delete_object(**place, VersionId=version)  # the marker alone is left
    for data in DATA:
        archiver.archive(data, "it")  # the store accepts each write
    assert KEY in halts(halt, archiver.check_written)


def test_what_came_after_a_block_changes_nothing(vault: S3Vault, minio: MinioNode) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    archiver.archive(DATA[0], "it")
    place = {"Bucket": vault.bucket.name, "Key": vault.bucket.prefix + ORIGIN.block_key(0)}
    minio.s3().put_object(**place, Body=b"garbage")
    minio.s3().delete_object(**place)
    archiver.check_written()
    assert archiver.check_due_in() is None


@pytest.mark.parametrize("way", ["after a 412", "below a marker", "after a restart"])
def test_our_own_bytes_that_someone_stored_first_are_no_block_before_they_are_locked(
    vault: S3Vault, minio: MinioNode, way: str
) -> None:
    """The version that counts for auditors is theirs, so it is the one that must be locked."""
    archiver, client = new_archiver(vault), minio.s3()
    archiver.recover()
    archiver.archive(DATA[0], "it")
    place = {"Bucket": vault.bucket.name, "Key": vault.bucket.prefix + KEY}
    theirs = client.put_object(**place, Body=DATA[1])["VersionId"]
    if way == "below a marker":
        client.delete_object(**place)
    if way == "after a restart":
        archiver = new_archiver(vault)
        archiver.recover()  # the vault's head is theirs
    archiver.archive(DATA[1], "it")
    archiver.check_written()
    lock = vault.retention(KEY, theirs)
    assert lock is not None
    assert lock.lasts_until(sealed_time(BLOCKS[1]) + DAY)
    with pytest.raises(ClientError, match="WORM"):
        client.delete_object(**place, VersionId=theirs)
    archiver.archive(DATA[1], "it")
    assert vault.retention(KEY, theirs) == lock


def test_our_own_bytes_under_a_lock_that_can_be_lifted_halt(vault: S3Vault, minio: MinioNode) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    until = datetime.now(UTC) + 9 * DAY
    place = {"Bucket": vault.bucket.name, "Key": vault.bucket.prefix + ORIGIN.block_key(0)}
    minio.s3().put_object(**place, Body=DATA[0], ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    assert "GOVERNANCE" in halts(Halt.SQUATTED, archiver.archive, DATA[0], "it")
