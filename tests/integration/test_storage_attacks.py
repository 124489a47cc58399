"""Attacks on a real store by its root user: what the store allows, and what `auditseal verify` says."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_local.minio import MinioNode
from auditseal_schemas.block import Block
from auditseal_schemas.verdict import Verdict
from auditseal_vault.errors import AlreadyStoredError
from auditseal_vault.open import open_vault
from tests.factory.blocks import resigned
from tests.factory.keys import OTHER_SIGNER, keys_of
from tests.factory.vaults import ORIGINS, make_log
from tests.oracle import anchor

LOG, OTHER = ORIGINS
KEY = LOG.block_key(1)
RETENTION = timedelta(days=1)
Found = list[tuple[str, int | None, str]]


@dataclass
class Store:
    """A bucket with a good vault in it: what an attacker and an auditor do there."""

    url: str
    bucket: str
    client: Any
    logs: list[list[Block]]
    sealed_at: int
    folder: Path

    def put(self, key: str, data: bytes, *, mode: str = "COMPLIANCE", lock: timedelta | None = 2 * RETENTION) -> str:
        """Write a version, locked for a time from the sealing on; return its id."""
        until = datetime.fromtimestamp(self.sealed_at / 1e6, UTC) + (lock or timedelta())
        locked = {"ObjectLockMode": mode, "ObjectLockRetainUntilDate": until} if lock else {}
        answer = self.client.put_object(Bucket=self.bucket, Key=f"vault/{key}", Body=data, **locked)
        version: str = answer.get("VersionId", "")
        return version

    def delete(self, key: str) -> None:
        """Delete as everybody does: it leaves a marker."""
        self.client.delete_object(Bucket=self.bucket, Key=f"vault/{key}")

    def versions(self, key: str) -> list[str]:
        """Return the ids of a key's versions, the newest first."""
        answer = self.client.list_object_versions(Bucket=self.bucket, Prefix=f"vault/{key}")
        return [version["VersionId"] for version in answer.get("Versions", ())]

    def audit(self, *options: str) -> dict[str, Any]:
        """Verify the vault and return the answer."""
        command = ["verify", "--trust", str(self.folder / "trust.txt"), "--vault", self.url, "--json", *options]
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        answer: dict[str, Any] = json.loads(result.stdout)
        assert answer["exit_code"] == result.exit_code
        assert answer["errors"] == []
        return answer


def found(answer: dict[str, Any]) -> Found:
    """Return what was found in the first log; nothing may be in the other."""
    first, second = answer["logs"]
    assert second["findings"] == answer["findings"] == []
    return [(one["verdict"], one["height"], one["field"]) for one in first["findings"]]


def bad_storage(field: str, height: int | None = 1) -> tuple[str, int | None, str]:
    return ("BAD_STORAGE", height, field)


@pytest.fixture(scope="module")
def logs() -> tuple[list[list[Block]], int]:
    """Blocks that were sealed just now, so that their locks end in the future."""
    now = int(time() * 1_000_000)
    return [make_log(origin, (3, 2, 4), now=now) for origin in ORIGINS], now


@pytest.fixture(scope="module")
def client(minio: MinioNode) -> Any:
    """The root user's client; making one takes longer than most attacks."""
    return minio.s3()


@pytest.fixture
def environment(minio: MinioNode, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def empty(
    minio: MinioNode,
    new_bucket: Callable[[], str],
    environment: None,
    client: Any,
    logs: tuple[list[list[Block]], int],
    tmp_path: Path,
) -> Store:
    """An empty bucket, and what belongs into it."""
    bucket = new_bucket()
    keys = "".join(f"log {key}\n" for origin in ORIGINS for key in keys_of(origin))
    (tmp_path / "trust.txt").write_text(f"retention {RETENTION.days}\n{keys}")
    url = f"s3://{bucket}/vault?endpoint={minio.endpoint}"
    return Store(url, bucket, client, logs[0], logs[1], tmp_path)


@pytest.fixture
def store(empty: Store) -> Store:
    """A good vault."""
    fill(empty)
    return empty


def fill(store: Store, *, but: str = "") -> None:
    """Put all blocks but one."""
    for block in (block for blocks in store.logs for block in blocks):
        key = block.header.origin.block_key(block.header.height)
        if key != but:
            store.put(key, block.format())


def middle(store: Store) -> bytes:
    return store.logs[0][1].format()


def test_a_good_vault_is_ok_and_says_what_stands_outside(store: Store) -> None:
    answer = store.audit()
    assert found(answer) == []
    assert (answer["ok"], answer["anchor"], answer["notices"]) == (True, "none", [])
    assert [log["result"] for log in answer["logs"]] == ["OK", "OK"]


@pytest.mark.parametrize("quick", [(), ("--quick",)], ids=["full", "quick"])
def test_a_second_version_is_told_and_the_oldest_is_what_is_judged(store: Store, quick: tuple[str, ...]) -> None:
    (first,) = store.versions(KEY)
    for number in range(5):  # within one second, which is as exact as some stores' clocks are
        store.put(KEY, b"garbage %d" % number)
    answer = store.audit(*quick)
    assert found(answer) == [bad_storage("versions")]
    (finding,) = answer["logs"][0]["findings"]
    assert (finding["version_id"], finding["object"]) == (first, KEY)
    assert store.versions(KEY)[-1] == first
    assert answer["exit_code"] == Verdict.BAD_STORAGE.exit_code


def test_the_same_bytes_once_more_are_told_too(store: Store) -> None:
    store.put(KEY, middle(store))
    assert found(store.audit()) == [bad_storage("versions")]


def test_garbage_that_came_before_the_block_is_what_is_judged(empty: Store) -> None:
    squatter = empty.put(KEY, b"garbage")
    fill(empty)
    answer = empty.audit()
    assert found(answer) == [("MALFORMED", 1, "container"), bad_storage("versions")]
    assert {finding["version_id"] for finding in answer["logs"][0]["findings"]} == {squatter}


def test_a_delete_marker_is_told_and_hides_nothing(store: Store) -> None:
    store.delete(KEY)
    answer = store.audit()
    assert found(answer) == [bad_storage("delete_marker")]
    assert answer["records"] == 18


def test_a_marker_and_a_replacement_are_two_findings(store: Store) -> None:
    store.delete(KEY)
    store.put(KEY, store.logs[1][1].format())
    assert found(store.audit()) == [bad_storage("versions"), bad_storage("delete_marker")]


def test_a_marker_in_place_of_a_block(empty: Store) -> None:
    fill(empty, but=KEY)
    version = empty.put(KEY, middle(empty), lock=None)
    empty.delete(KEY)
    empty.client.delete_object(Bucket=empty.bucket, Key=f"vault/{KEY}", VersionId=version)
    assert empty.versions(KEY) == []
    assert found(empty.audit()) == [bad_storage("delete_marker"), ("BROKEN_CHAIN", 1, "height")]


def test_every_block_hidden_by_markers_is_still_verified(store: Store) -> None:
    for height in range(3):
        store.delete(LOG.block_key(height))
    answer = store.audit()
    assert found(answer) == [bad_storage("delete_marker", height) for height in range(3)]
    assert answer["logs"][0]["blocks"] == 3


@pytest.mark.parametrize(
    ("lock", "field"),
    [
        ({"lock": None}, "retention"),
        ({"mode": "GOVERNANCE"}, "retention.mode"),
        ({"lock": RETENTION - timedelta(seconds=2)}, "retention.until"),
    ],
    ids=["none", "governance", "too short"],
)
def test_a_lock_that_is_none(empty: Store, lock: dict[str, Any], field: str) -> None:
    fill(empty, but=KEY)
    empty.put(KEY, middle(empty), **lock)
    assert found(empty.audit()) == [bad_storage(field)]


def test_a_block_that_was_under_no_lock_can_vanish_which_a_remembered_head_tells(empty: Store, tmp_path: Path) -> None:
    last, state = LOG.block_key(2), tmp_path / "heads.json"
    fill(empty, but=last)
    (version,) = [empty.put(last, empty.logs[0][2].format(), mode="GOVERNANCE")]
    assert found(empty.audit("--state", str(state), "--state-new")) == [bad_storage("retention.mode", 2)]
    assert [log["head"]["size"] for log in empty.audit()["logs"]] == [3, 3]
    remembered = {origin: log["head"] for origin, log in json.loads(state.read_text())["logs"].items()}
    assert list(remembered) == [str(OTHER)]  # only what nothing is wrong with is remembered
    empty.client.delete_object(
        Bucket=empty.bucket, Key=f"vault/{last}", VersionId=version, BypassGovernanceRetention=True
    )
    assert found(empty.audit("--state", str(state))) == []  # nothing outside the vault tells of it
    note = empty.logs[0][2].note.format().decode()
    state.write_text(json.dumps({"version": 1, "heads": remembered | {str(LOG): note}}))
    assert found(empty.audit("--state", str(state))) == [("TRUNCATED", 2, "height")]


def test_what_the_archiver_puts_is_ok_and_stays_once(empty: Store) -> None:
    vault, until = open_vault(empty.url), datetime.now(UTC) + 2 * RETENTION
    for block in (block for blocks in empty.logs for block in blocks):
        vault.put(block.header.origin.block_key(block.header.height), block.format(), until)
    for data in (middle(empty), b"another"):
        with pytest.raises(AlreadyStoredError):
            vault.put(KEY, data, until + RETENTION)
    assert len(empty.versions(KEY)) == 1
    assert found(empty.audit()) == []


def test_what_the_store_refuses_leaves_the_vault_ok(store: Store) -> None:
    (version,) = store.versions(KEY)
    where = {"Bucket": store.bucket, "Key": f"vault/{KEY}", "VersionId": version}
    sooner = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(minutes=5)}
    weaker = {"Mode": "GOVERNANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=9)}
    attempts: list[Callable[[], object]] = [
        lambda: store.client.delete_object(**where),
        lambda: store.client.delete_object(**where, BypassGovernanceRetention=True),
        lambda: store.client.put_object_retention(**where, Retention=sooner),
        lambda: store.client.put_object_retention(**where, Retention=weaker, BypassGovernanceRetention=True),
    ]
    for attempt in attempts:
        with pytest.raises(ClientError):
            attempt()
    assert store.versions(KEY) == [version]
    assert found(store.audit()) == []


def test_a_lock_that_was_extended_is_ok(store: Store) -> None:
    (version,) = store.versions(KEY)
    longer = {"Mode": "COMPLIANCE", "RetainUntilDate": datetime.now(UTC) + timedelta(days=400)}
    store.client.put_object_retention(Bucket=store.bucket, Key=f"vault/{KEY}", VersionId=version, Retention=longer)
    assert found(store.audit()) == []


@pytest.mark.parametrize("name", ["blocks/1.avro", "blocks/000000000001.avro.bak", "README", "blocks/ü\u202e.avro"])
def test_a_foreign_key_below_a_log_is_told(store: Store, name: str) -> None:
    store.put(f"v1/{LOG}/{name}", middle(store))
    answer = store.audit()
    assert found(answer) == [bad_storage("key", None)]
    assert answer["logs"][0]["findings"][0]["object"] == f"v1/{LOG}/{name}"


def test_keys_beside_the_pinned_logs_are_nobodys_business(store: Store) -> None:
    for key in (f"v1/{LOG}1/blocks/000000000000.avro", "v2/x", "v1/b.example/t/0/0/blocks/x"):
        store.put(key, b"")
    assert found(store.audit()) == []


def test_an_object_at_a_future_height_is_a_squatters(store: Store) -> None:
    store.put(LOG.block_key(3), b"mine")
    store.put(LOG.block_key(999_999_999_999), b"")
    assert found(store.audit()) == [("SQUATTED", 3, "container"), ("SQUATTED", 999_999_999_999, "container")]


def test_another_logs_block_at_a_future_height_belongs_elsewhere(store: Store) -> None:
    store.put(LOG.block_key(3), store.logs[1][2].format())
    assert found(store.audit()) == [("BROKEN_CHAIN", 3, "origin")]


def test_a_second_signed_history_is_a_fork_that_anybody_can_check(store: Store, tmp_path: Path) -> None:
    store.put(KEY, resigned(store.logs[0][1], sealer="other").format())
    store.put(KEY, resigned(store.logs[0][1], signers=(OTHER_SIGNER,), sealer="stranger").format())
    answer = store.audit("--evidence", str(tmp_path / "proof"))
    assert found(answer) == [bad_storage("versions"), ("FORK", 1, "checkpoint.root")]
    first, second = (Path(name).read_bytes() for name in answer["evidence"])
    assert anchor.check_fork(first, second, [str(key) for key in keys_of(LOG)]) == (str(LOG), 2)


def test_a_copy_in_a_bucket_without_locks_is_no_vault(store: Store) -> None:
    plain = f"{store.bucket}-plain"
    store.client.create_bucket(Bucket=plain)
    store.url, store.bucket = store.url.replace(store.bucket, plain), plain
    for block in (block for blocks in store.logs for block in blocks):
        store.put(block.header.origin.block_key(block.header.height), block.format(), lock=None)
    answer = store.audit()
    kinds = [(one["verdict"], one["height"], one["field"]) for log in answer["logs"] for one in log["findings"]]
    assert kinds == [bad_storage("retention", height) for height in range(3)] * 2
    assert answer["blocks"] == 6


def test_a_version_written_back_in_time_is_judged_and_told(store: Store) -> None:
    """Root may write a version as a replica of any age, so that it lists as the oldest: it is no way to an OK."""

    def as_replica(request: Any, **_: Any) -> None:
        request.headers["X-Minio-Source-Replication-Request"] = "true"
        request.headers["X-Minio-Source-Mtime"] = "2020-01-01T00:00:00Z"

    events = store.client.meta.events
    events.register("before-sign.s3.PutObject", as_replica)
    try:
        backdated = store.put(KEY, b"it was always so")
    finally:
        events.unregister("before-sign.s3.PutObject", as_replica)
    assert store.versions(KEY)[-1] == backdated
    answer = store.audit()
    assert found(answer) == [("MALFORMED", 1, "container"), bad_storage("versions")]
    assert {finding["version_id"] for finding in answer["logs"][0]["findings"]} == {backdated}
