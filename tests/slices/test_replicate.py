"""A second copy of a vault on a real MinIO: made, locked, continued after an interruption, and refused."""

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_archiver import replication
from auditseal_local.minio import MinioNode
from auditseal_schemas.errors import UnavailableError
from auditseal_vault.hold_records import record_key
from auditseal_vault.interface import NewObject
from auditseal_vault.open import open_vault
from auditseal_vault.s3 import S3Vault
from tests.factory.copies import BLOCKS, LOG, UNTIL, content, put, run, write_trust
from tests.factory.holding import HoldPlace, held_in, make_place
from tests.factory.people import ALICE, BOB

MakeVault = Callable[[], str]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def new_vault(minio: MinioNode, new_bucket: Callable[[], str], monkeypatch: pytest.MonkeyPatch) -> MakeVault:
    """Return the URL of a new bucket with Object Lock."""
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    return lambda: f"s3://{new_bucket()}/vault/?endpoint={minio.endpoint}"


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    return write_trust(tmp_path)


def copied(blocks: int, before: int) -> dict[str, Any]:
    return {"origin": str(LOG), "blocks": blocks, "before": before, "copied": blocks - before}


def test_a_copy_has_the_same_bytes_and_locks_and_is_continued(new_vault: MakeVault, trust: Path) -> None:
    original, copy = new_vault(), new_vault()
    put(original, BLOCKS[:20])
    code, answer, problem = run("replicate", trust, original, "--to", copy)
    assert (code, answer and answer["logs"], problem) == (0, [copied(20, 0)], "")
    put(original, BLOCKS[20:])
    assert run("replicate", trust, original, "--to", copy)[1]["logs"] == [copied(24, 20)]
    assert run("replicate", trust, original, "--to", copy)[1]["logs"] == [copied(24, 24)]
    assert content(copy) == content(original)
    stored = open_vault(copy)
    locks = {stored.retention(entry.key, entry.version_id) for entry in stored.versions("v1/")}
    assert [(lock.mode, lock.retain_until) for lock in locks if lock] == [("COMPLIANCE", UNTIL)]


def test_a_run_that_was_interrupted_leaves_holes_and_is_continued(
    new_vault: MakeVault, trust: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, copy = new_vault(), new_vault()
    put(original, BLOCKS)
    monkeypatch.setattr(replication, "BATCH", 8)
    real, lost = S3Vault.put_many, {LOG.block_key(9), LOG.block_key(12)}

    def store_others(vault: S3Vault, objects: list[NewObject]) -> None:
        real(vault, [each for each in objects if each.key not in lost])
        if lost & {each.key for each in objects}:
            raise UnavailableError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(S3Vault, "put_many", store_others)
        code, _, problem = run("replicate", trust, original, "--to", copy)
    assert (code, "the store is away" in problem) == (1, True)
    stored = {LOG.block_key(height) for height in range(16)} - lost
    assert content(copy).keys() == stored
    assert run("replicate", trust, original, "--to", copy)[1]["logs"] == [copied(24, 9)]
    assert content(copy) == content(original)


def test_another_object_in_the_copy_is_never_taken_for_the_block(new_vault: MakeVault, trust: Path) -> None:
    original, copy = new_vault(), new_vault()
    put(original, BLOCKS)
    open_vault(copy).put(LOG.block_key(7), b"not a block", UNTIL)
    code, answer, problem = run("replicate", trust, original, "--to", copy)
    assert (code, answer) == (1, None)
    assert f"{LOG.block_key(7)} in {open_vault(copy).url} is not the object of that key" in problem


def test_a_copy_whose_store_has_no_locks_is_refused(new_vault: MakeVault, trust: Path, minio: MinioNode) -> None:
    original = new_vault()
    put(original, BLOCKS)
    minio.s3().create_bucket(Bucket="replica-without-locks")
    code, _, problem = run("replicate", trust, original, "--to", minio.vault_url("replica-without-locks"))
    assert (code, "WORM_REFUSED" in problem) == (49, True)


def test_a_directory_is_copied_into_a_bucket_for_as_long_as_is_said(
    new_vault: MakeVault, trust: Path, tmp_path: Path
) -> None:
    (tmp_path / "vault").mkdir()
    original, copy = (tmp_path / "vault").as_uri(), new_vault()
    put(original, BLOCKS)
    code, _, problem = run("replicate", trust, original, "--to", copy)
    assert (code, "say with --retention-days" in problem) == (1, True)
    assert content(copy) == {}
    assert run("replicate", trust, original, "--to", copy, "--retention-days", "5")[0] == 0
    lock = open_vault(copy).retention(LOG.block_key(0), open_vault(copy).versions_of(LOG.block_key(0))[0].version_id)
    assert lock is not None
    assert lock.retain_until > datetime.now(UTC) + timedelta(days=4)


def test_the_page_of_the_second_copy_does_what_it_says(new_vault: MakeVault, trust: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "how-to" / "replicate.md").read_text("utf-8")
    commands = [line.strip().removeprefix("$ ") for line in page.splitlines() if line.strip().startswith("$ ")]
    assert len(commands) == 4
    places = {"VAULT": new_vault(), "COPY": new_vault(), "RESTORED": new_vault()}
    put(places["VAULT"], BLOCKS)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for command in commands:
        done = subprocess.run(
            command, shell=True, cwd=trust.parent, env={**os.environ, **places, "PATH": path}, check=False, timeout=60
        )
        assert done.returncode == 0, command
    assert content(places["RESTORED"]) == content(places["VAULT"])


@pytest.fixture
def place(
    minio: MinioNode, new_bucket: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> HoldPlace:
    return make_place(minio, new_bucket(), tmp_path, monkeypatch)


def replicated(place: HoldPlace, copy: str, *, of: str = "") -> Any:
    code, answer, problem = run("replicate", place.trust, of or place.url, "--to", copy)
    assert code == 0, problem
    return answer["holds"]


def test_holds_are_copied_with_their_records_and_lifted_when_two_people_released_them(
    place: HoldPlace, new_vault: MakeVault
) -> None:
    copy, restored, bare = new_vault(), new_vault(), new_vault()
    replicated(place, bare)
    place.add("1-3")
    place.add("3", "OTHER")
    assert replicated(place, copy) == {"cases": 2, "statements": 2, "held": 3, "lifted": 0}
    assert replicated(place, copy) == {"cases": 2, "statements": 0, "held": 0, "lifted": 0}
    assert held_in(copy) == [1, 2, 3]
    stored = open_vault(copy)
    records = list(stored.versions("v1-holds/"))
    assert [stored.legal_hold(entry.key, entry.version_id) for entry in records] == [True, True]
    code, answer = place.verify("--copy", copy)
    assert (code, answer["errors"], answer["copy"]["logs"][0]["held"]) == (0, [], 3)
    said = "3 held blocks have other version ids than people signed: in a copy all have"
    assert [notice for notice in answer["copy"]["logs"][0]["notices"] if "held" in notice] == [said]

    code, answer = place.verify("--vault", bare, "--copy", copy)  # as if someone had removed records and holds
    findings = answer["logs"][0]["findings"]
    assert (code, [(found["field"], found["height"]) for found in findings]) == (
        12,
        [("legal_hold", height) for height in (1, 2, 3)],
    )
    assert len([text for text in answer["errors"] if "someone removed" in text]) == 2

    assert replicated(place, restored, of=copy)["held"] == 3
    assert place.run("check", "--vault", restored)[:2] == (0, "3 blocks are held, 0 are not\n")
    assert (
        place.signed(ALICE, "add", "CASE-7", "--vault", restored, "--origin", str(LOG), "--heights", "2")[1]
        == "CASE-7: 1 blocks are held; 0 statements signed, 0 holds set\n"
    )

    place.signed(ALICE, "release", "CASE-7")
    assert replicated(place, copy) == {"cases": 2, "statements": 1, "held": 0, "lifted": 0}
    assert held_in(copy) == [1, 2, 3]
    place.signed(BOB, "release", "CASE-7", "--approve", "--yes")
    assert replicated(place, copy) == {"cases": 2, "statements": 1, "held": 0, "lifted": 2}
    assert (held_in(copy), held_in(restored)) == ([3], [1, 2, 3])
    assert place.verify("--copy", copy)[0] == 0

    place.signed(ALICE, "release", "CASE-7", "--vault", restored)
    assert place.signed(BOB, "release", "CASE-7", "--approve", "--yes", "--vault", restored)[0] == 0
    assert held_in(restored) == [3]


def test_objects_that_someone_put_into_the_copy_first_without_a_lock_are_found(
    place: HoldPlace, new_vault: MakeVault, minio: MinioNode
) -> None:
    copy, original = new_vault(), open_vault(place.url)
    place.add("1")
    client, bucket = minio.s3(), copy.split("/")[2]

    def squat(key: str) -> None:
        """Store the object of the vault in the copy, as someone does who may read the one and write to the other."""
        client.put_object(Bucket=bucket, Key=f"vault/{key}", Body=original.read(key))

    squat(record_key("CASE-7", 0))
    for height in range(3):
        squat(LOG.block_key(height))
    code, _, problem = run("replicate", place.trust, place.url, "--to", copy)
    assert (code, f"{record_key('CASE-7', 0)} in" in problem, "has no COMPLIANCE lock" in problem) == (1, True, True)
    code, answer = place.verify("--copy", copy)
    unlocked = [finding for finding in answer["copy"]["logs"][0]["findings"] if finding["field"] == "retention"]
    assert (code, [finding["height"] for finding in unlocked]) == (12, [0, 1, 2])
    extend = ["retention", "extend", "--trust", str(place.trust), "--vault", copy, "--yes", "--until", "2040-01-01"]
    assert CliRunner().invoke(app, extend).exit_code == 0
    _, answer = place.verify("--copy", copy)
    assert [finding["field"] for finding in answer["copy"]["logs"][0]["findings"]] == ["legal_hold"]
