"""The promises of every vault, on every backend, and the differences of the backends."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError

from auditseal_local.minio import MinioNode
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.limits import MAX_OBJECT_BYTES
from auditseal_schemas.origin import Origin
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.drill import drill
from auditseal_vault.errors import AlreadyStoredError, UnreadableObjectError
from auditseal_vault.interface import NewObject, StoredObject, StoredVersion, Vault
from auditseal_vault.log_reader import LogReader
from auditseal_vault.oldest import oldest_version
from auditseal_vault.open import open_reader, open_vault
from tests.factory.vaults import read_head

ORIGIN = Origin("audit.example.com", "audit.events", 3, 0)
OTHER = Origin("audit.example.com", "audit.events", 30, 0)


def until() -> datetime:
    return (datetime.now(UTC) + timedelta(minutes=10)).replace(microsecond=0)


@pytest.fixture
def directory(tmp_path: Path) -> DirectoryVault:
    (tmp_path / "a vault").mkdir()
    return DirectoryVault(tmp_path / "a vault")


@pytest.fixture
def bucket(minio: MinioNode, new_bucket: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    return new_bucket()


@pytest.fixture
def s3(minio: MinioNode, bucket: str) -> Vault:
    return open_vault(f"s3://{bucket}/some/prefix?endpoint={minio.endpoint}")


@pytest.fixture(params=["directory", pytest.param("s3", marks=pytest.mark.minio)])
def vault(request: pytest.FixtureRequest) -> Vault:
    found: Vault = request.getfixturevalue(request.param)
    return found


def store(vault: Vault, *heights: int, origin: Origin = ORIGIN) -> None:
    for height in heights:
        vault.put(origin.block_key(height), b"block %d" % height, until())


def keys(versions: Iterator[StoredVersion]) -> list[str]:
    return [version.key for version in versions]


def test_the_url_finds_the_vault_again(vault: Vault) -> None:
    store(vault, 0)
    again = open_reader(vault.url)
    assert again.url == vault.url
    assert again.read(ORIGIN.block_key(0)) == b"block 0"


@pytest.mark.parametrize("size", [0, 1, 100_000])
def test_what_is_put_is_read(vault: Vault, size: int) -> None:
    data = os.urandom(size)
    vault.put(ORIGIN.block_key(0), data, until())
    (version,) = vault.versions("")
    assert (version.key, version.size, version.is_latest, version.is_delete_marker) == (
        ORIGIN.block_key(0),
        size,
        True,
        False,
    )
    assert vault.read(version.key) == vault.read(version.key, version.version_id) == data
    assert vault.holds(version.key)


def test_a_second_put_is_refused_and_changes_nothing(vault: Vault) -> None:
    key = ORIGIN.block_key(0)
    vault.put(key, b"first", until())
    for data in (b"second", b"first"):
        with pytest.raises(AlreadyStoredError):
            vault.put(key, data, until())
    assert keys(vault.versions("")) == [key]
    assert vault.read(key) == b"first"


def test_many_are_stored_and_a_key_that_exists_keeps_its_content(vault: Vault) -> None:
    lock_end = until()
    store(vault, 3)
    vault.put_many(NewObject(ORIGIN.block_key(height), b"new %d" % height, lock_end) for height in range(40))
    entries = list(vault.versions(ORIGIN.blocks_prefix))
    assert [entry.key for entry in entries] == [ORIGIN.block_key(height) for height in range(40)]
    found = [each for each in vault.read_many(entries) if isinstance(each, StoredObject)]
    assert [each.data for each in found] == [b"block 3" if height == 3 else b"new %d" % height for height in range(40)]
    if vault.enforces_worm:
        assert {(each.retention.mode, each.retention.retain_until) for each in found if each.retention} >= {
            ("COMPLIANCE", lock_end)
        }
        assert all(each.retention for each in found)


def test_of_many_writers_one_succeeds(vault: Vault) -> None:
    key = ORIGIN.block_key(0)

    def put(number: int) -> bytes | None:
        data = b"%d" % number
        try:
            vault.put(key, data, until())
        except AlreadyStoredError:
            return None
        return data

    with ThreadPoolExecutor(32) as pool:
        (winner,) = filter(None, pool.map(put, range(32)))
    assert vault.read(key) == winner


def test_nothing_is_there_before_the_first_put(vault: Vault) -> None:
    assert list(vault.versions("")) == []
    assert read_head(vault, ORIGIN) is None
    assert not vault.holds(ORIGIN.block_key(0))
    with pytest.raises(UnavailableError):
        vault.read(ORIGIN.block_key(0))


def test_listing_begins_with_the_prefix_and_after_the_key_in_order(vault: Vault) -> None:
    store(vault, 2, 0, 10, 1)
    store(vault, 0, origin=OTHER)
    assert keys(vault.versions(ORIGIN.blocks_prefix)) == [ORIGIN.block_key(height) for height in (0, 1, 2, 10)]
    assert keys(vault.versions(ORIGIN.blocks_prefix, ORIGIN.block_key(1))) == [ORIGIN.block_key(h) for h in (2, 10)]
    assert keys(vault.versions(ORIGIN.blocks_prefix, ORIGIN.block_key(5))) == [ORIGIN.block_key(10)]
    assert keys(vault.versions(ORIGIN.blocks_prefix, ORIGIN.block_key(10))) == []
    assert keys(vault.versions(ORIGIN.blocks_prefix, limit=2)) == [ORIGIN.block_key(height) for height in (0, 1)]
    assert keys(vault.versions(ORIGIN.block_key(1))) == [ORIGIN.block_key(1)]
    assert keys(vault.versions("v1/audit")) == sorted([*keys(vault.versions(ORIGIN.blocks_prefix)), OTHER.block_key(0)])


def test_the_versions_of_a_key_are_those_that_a_listing_has(vault: Vault) -> None:
    store(vault, 0, 1)
    vault.put(f"{ORIGIN.block_key(0)}.bak", b"foreign", until())
    listed = list(vault.versions("v1/"))
    for entry in listed:
        assert list(vault.versions_of(entry.key)) == [entry]
    assert list(vault.versions_of(ORIGIN.block_key(2))) == []
    assert [stored.data for stored in LogReader(vault, ORIGIN).stored_range(range(2))] == [b"block 0", b"block 1"]


def test_a_directory_that_went_away_is_no_empty_vault(directory: DirectoryVault, tmp_path: Path) -> None:
    (tmp_path / "a vault").rmdir()
    with pytest.raises(UnavailableError, match="is it mounted"):
        list(directory.versions(""))
    with pytest.raises(UnavailableError, match="is it mounted"):
        store(directory, 0)
    assert list(tmp_path.iterdir()) == []


def test_foreign_names_are_listed(vault: Vault) -> None:
    names = ["v1/x/A-b", "v1/x/a b", "v1/x/a+b&c", "v1/x/b/c", "v1/x/b0", "v1/x/ä€", "v1/x/\U0001f512"]
    for name in names:
        vault.put(name, b"foreign", until())
    assert keys(vault.versions("v1/x/")) == sorted(names, key=str.encode)
    assert keys(vault.versions("v1/x/", "v1/x/a b")) == sorted(names, key=str.encode)[2:]
    assert [vault.read(name) for name in names] == [b"foreign"] * len(names)


def test_a_head_is_found_among_gaps_and_foreign_names(vault: Vault) -> None:
    heights: list[int] = []
    for height in (0, 1, 2, 7, 9, 300, 301, 4000):
        store(vault, height)
        heights.append(height)
        for near in (None, 0, height, height + 32, height + 33, 10**6):
            assert read_head(vault, ORIGIN, near=near) == (height, b"block %d" % height)
    for name in ("000000004000.avro.bak", "zzz", "000000000000", "+", "9999999999999.avro"):
        vault.put(ORIGIN.blocks_prefix + name, b"foreign", until())
    assert read_head(vault, ORIGIN) == (4000, b"block 4000")
    assert read_head(vault, OTHER) is None


def test_an_object_that_no_block_can_be_is_cut(vault: Vault) -> None:
    vault.put("v1/large", bytes(MAX_OBJECT_BYTES + 2), until())
    assert len(vault.read("v1/large")) == MAX_OBJECT_BYTES + 1


def test_many_are_read_as_each_alone(vault: Vault) -> None:
    foreign = ["v1/x/A b+c&d=e%20f", "v1/x/ä€\U0001f512", "v1/x/~(').*!", "v1/x/empty"]
    store(vault, *range(300))
    for name in foreign[:-1]:
        vault.put(name, name.encode(), until())
    vault.put(foreign[-1], b"", until())
    listed = list(vault.versions("v1/"))
    assert len(listed) == 304
    read = list(vault.read_many(reversed(listed)))
    for entry, found in zip(reversed(listed), read, strict=True):
        assert isinstance(found, StoredObject)
        assert (found.key, found.version_id) == (entry.key, entry.version_id)
        assert found.data == vault.read(entry.key, entry.version_id)
        assert found.retention == vault.retention(entry.key, entry.version_id)
        assert (found.retention is not None) == vault.enforces_worm


def test_of_many_one_that_cannot_be_read_is_an_outcome(vault: Vault) -> None:
    store(vault, *range(20))
    listed = list(vault.versions("v1/"))
    missing = "00000000-0000-4000-8000-000000000000" if vault.enforces_worm else ""
    absent = replace(listed[7], version_id=missing, key=listed[7].key if missing else f"{listed[7].key}/below")
    found = list(vault.read_many([*listed[:7], absent, *listed[8:]]))
    assert [entry for entry in found if not isinstance(entry, StoredObject)] == [found[7]]
    assert isinstance(found[7], UnreadableObjectError)
    assert [entry.data for entry in found if isinstance(entry, StoredObject)] == [
        b"block %d" % height for height in range(20) if height != 7
    ]


def test_an_unreachable_store_is_an_error_and_no_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    (tmp_path / "file").write_bytes(b"")
    bucket = open_vault("s3://bucket/?endpoint=http://127.0.0.1:9&region=us-east-1")
    for vault in (bucket, DirectoryVault(tmp_path / "file")):
        for call in (
            lambda vault=vault: list(vault.versions("v1/")),
            lambda vault=vault: vault.read("v1/a"),
            lambda vault=vault: list(vault.read_many([StoredVersion("v1/a", "", True, False, 1)])),
            lambda vault=vault: vault.versions_of("v1/a"),
            lambda vault=vault: vault.holds("v1/a"),
            lambda vault=vault: vault.put("v1/a", b"", until()),
        ):
            with pytest.raises(UnavailableError):
                call()


class TestDirectoryAlone:
    """No locks: a directory says so, and keeps files read-only, whole and inside."""

    def test_it_claims_no_worm(self, directory: DirectoryVault) -> None:
        store(directory, 0)
        drill(directory)
        assert not directory.enforces_worm
        assert directory.retention(ORIGIN.block_key(0), "") is None
        with pytest.raises(UnavailableError, match="no versions"):
            directory.read(ORIGIN.block_key(0), "1")

    def test_files_are_read_only_and_nothing_else_is_left(self, directory: DirectoryVault, tmp_path: Path) -> None:
        store(directory, 0)
        with pytest.raises(AlreadyStoredError):
            store(directory, 0)
        root = tmp_path / "a vault"
        assert (root / ORIGIN.block_key(0)).stat().st_mode & 0o777 == 0o444
        assert [path.name for path in root.rglob("*") if path.is_file()] == ["000000000000.avro"]

    @pytest.mark.parametrize(
        "key", ["../x", "v1/../../x", "/etc/x", "v1//x", "", ".", "v1/./x", "v1/x/", "v1/\0", ".staging/x"]
    )
    def test_no_key_leads_out_of_it(self, directory: DirectoryVault, tmp_path: Path, key: str) -> None:
        with pytest.raises(UnavailableError, match="not a key of a vault"):
            directory.put(key, b"", until())
        with pytest.raises(UnavailableError, match="not a key of a vault"):
            directory.read(key)
        assert list(tmp_path.rglob("*")) == [tmp_path / "a vault"]

    def test_no_prefix_leads_out_of_it(self, directory: DirectoryVault, tmp_path: Path) -> None:
        (tmp_path / "outside").write_bytes(b"")
        with pytest.raises(UnavailableError, match="not a key of a vault"):
            list(directory.versions("../"))

    def test_links_are_listed_and_not_followed(self, directory: DirectoryVault, tmp_path: Path) -> None:
        store(directory, 0)
        folder = tmp_path / "a vault" / ORIGIN.blocks_prefix
        (folder / "link").symlink_to(folder / "000000000000.avro")
        (folder / "folder").symlink_to("/etc")
        os.mkfifo(folder / "pipe")
        names = [key.rpartition("/")[2] for key in keys(directory.versions(""))]
        assert names == ["000000000000.avro", "folder", "link", "pipe"]
        for name in ("link", "folder"):
            with pytest.raises(UnreadableObjectError, match="is a link and not a file"):
                directory.read(ORIGIN.blocks_prefix + name)
        with pytest.raises(UnreadableObjectError, match="is a FIFO and not a file"):
            directory.read(ORIGIN.blocks_prefix + "pipe")


@pytest.mark.minio
class TestObjectLockAlone:
    """Versions, markers and locks, which only a bucket has."""

    def test_every_object_is_locked(self, s3: Vault) -> None:
        end = until()
        s3.put("v1/a", b"", end)
        (version,) = s3.versions("v1/")
        lock = s3.retention("v1/a", version.version_id)
        assert lock is not None
        assert (lock.mode, lock.retain_until) == ("COMPLIANCE", end)
        assert s3.enforces_worm

    def test_a_lock_that_is_missing(self, s3: Vault, minio: MinioNode, bucket: str) -> None:
        minio.s3().put_object(Bucket=bucket, Key="some/prefix/v1/bare", Body=b"")
        (version,) = s3.versions("v1/")
        assert s3.retention("v1/bare", version.version_id) is None
        minio.s3().create_bucket(Bucket=f"{bucket}-unlocked")
        minio.s3().put_object(Bucket=f"{bucket}-unlocked", Key="v1/bare", Body=b"")
        unlocked = open_vault(f"s3://{bucket}-unlocked?endpoint={minio.endpoint}")
        (version,) = unlocked.versions("v1/")
        assert unlocked.retention("v1/bare", version.version_id) is None

    def test_a_version_that_the_store_lacks_is_unreadable_and_others_are_read(self, s3: Vault) -> None:
        store(s3, 0)
        absent = "00000000-0000-4000-8000-000000000000"
        with pytest.raises(UnreadableObjectError, match="NoSuchVersion"):
            s3.read(ORIGIN.block_key(0), absent)
        assert s3.read(ORIGIN.block_key(0)) == b"block 0"

    @pytest.mark.parametrize("prefix", ["", "p", "a b+c/d=e&f", "ä€/~('!*)", "%2F/x"])
    def test_many_are_read_with_one_request_each_below_any_prefix(
        self, minio: MinioNode, bucket: str, prefix: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        vault = open_vault(f"s3://{bucket}/{quote(prefix)}?endpoint={minio.endpoint}")
        store(vault, *range(3))
        listed = list(vault.versions("v1/"))
        monkeypatch.setattr(vault, "read", None)
        monkeypatch.setattr(vault, "retention", None)
        found = [entry for entry in vault.read_many(listed) if isinstance(entry, StoredObject)]
        assert [entry.data for entry in found] == [b"block 0", b"block 1", b"block 2"]
        assert {entry.retention.mode for entry in found if entry.retention} == {"COMPLIANCE"}

    def test_a_lock_that_is_missing_among_many(self, s3: Vault, minio: MinioNode, bucket: str) -> None:
        store(s3, 0, 2)
        minio.s3().put_object(Bucket=bucket, Key=f"some/prefix/{ORIGIN.block_key(1)}", Body=b"block 1")
        found = list(s3.read_many(s3.versions("v1/")))
        assert [entry.retention is None for entry in found if isinstance(entry, StoredObject)] == [False, True, False]

    def test_a_delete_is_refused(self, s3: Vault, minio: MinioNode, bucket: str) -> None:
        s3.put("v1/a", b"", until())
        (version,) = s3.versions("v1/")
        with pytest.raises(ClientError, match="WORM"):
            minio.s3().delete_object(Bucket=bucket, Key="some/prefix/v1/a", VersionId=version.version_id)

    def test_a_marker_hides_nothing_from_a_listing(self, s3: Vault, minio: MinioNode, bucket: str) -> None:
        key = ORIGIN.block_key(0)
        s3.put(key, b"first", until())
        minio.s3().delete_object(Bucket=bucket, Key=f"some/prefix/{key}")
        assert not s3.holds(key)
        # A conditional write succeeds over a marker: see docs/explanation/object-lock.md.
        s3.put(key, b"second", until())
        store(s3, 1)
        found = list(s3.versions(ORIGIN.blocks_prefix))
        assert [(version.key[-6], version.is_delete_marker, version.is_latest) for version in found] == [
            ("0", False, True),
            ("0", True, False),
            ("0", False, False),
            ("1", False, True),
        ]
        oldest = oldest_version(s3, key)
        assert oldest == found[2]
        assert (s3.read(key), s3.read(key, oldest.version_id)) == (b"second", b"first")

    def test_a_head_is_its_oldest_version(self, s3: Vault, minio: MinioNode, bucket: str) -> None:
        store(s3, 0, 1)
        minio.s3().delete_object(Bucket=bucket, Key=f"some/prefix/{ORIGIN.block_key(1)}")
        assert read_head(s3, ORIGIN) == (1, b"block 1")
        bare = {"Bucket": bucket, "Key": f"some/prefix/{ORIGIN.block_key(2)}"}
        version = minio.s3().put_object(**bare, Body=b"not locked")["VersionId"]
        minio.s3().delete_object(**bare)
        minio.s3().delete_object(**bare, VersionId=version)
        with pytest.raises(HaltError, match="delete marker and no block") as caught:
            read_head(s3, ORIGIN)
        assert caught.value.halt is Halt.SQUATTED

    def test_a_listing_of_several_pages(
        self, s3: Vault, minio: MinioNode, bucket: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("auditseal_vault.s3_listing.PAGE", 2)
        store(s3, *range(5))
        for _ in range(2):
            minio.s3().delete_object(Bucket=bucket, Key=f"some/prefix/{ORIGIN.block_key(2)}")
            store(s3, 2)
        found = [(int(version.key[-6]), version.is_delete_marker) for version in s3.versions("v1/")]
        assert found == [
            (0, False),
            (1, False),
            (2, False),
            (2, True),
            (2, False),
            (2, True),
            (2, False),
            (3, False),
            (4, False),
        ]
        assert len(list(s3.versions("v1/", limit=3))) == 3

    def test_an_object_that_breaks_off_is_an_error(self, s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        s3.put("v1/a", b"content", until())
        get = s3._client.boto3.get_object

        def longer(**arguments: str) -> dict[str, Any]:
            return {**get(**arguments), "ContentLength": 8}

        monkeypatch.setattr(s3._client.boto3, "get_object", longer)
        with pytest.raises(UnavailableError, match="closed the connection after"):
            s3.read("v1/a")
