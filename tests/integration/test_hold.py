"""`auditseal hold` on a real store: exact versions, two people, and nothing done that was not recorded."""

import json
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from auditseal_local.minio import MinioNode
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.event_parts import Outcome
from auditseal_vault import concurrent_calls
from auditseal_vault.errors import UnreadableObjectError
from auditseal_vault.hold_records import find_case, record_key
from auditseal_vault.interface import Retention
from auditseal_vault.open import open_vault
from auditseal_vault.s3 import S3Vault
from tests.factory.holding import LOG, UNTIL, HoldPlace, make_place
from tests.factory.people import ALICE, BOB, PEOPLE


@pytest.fixture
def place(
    minio: MinioNode, new_bucket: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> HoldPlace:
    return make_place(minio, new_bucket(), tmp_path, monkeypatch)


def test_a_case_from_its_first_hold_to_its_release(place: HoldPlace) -> None:
    assert place.add("3,5-7") == (0, "CASE-7: 4 blocks are held; 1 statements signed, 4 holds set\n", "")
    assert place.held() == [3, 5, 6, 7]
    assert place.add("6-8")[0] == 0
    assert place.add("8", "other", BOB)[0] == 0
    assert place.held() == [3, 5, 6, 7, 8]
    code, answer = place.verify()
    assert (code, answer["logs"][0]["held"], answer["errors"]) == (0, 5, [])
    assert place.run("check")[:2] == (0, "5 blocks are held, 0 are not\n")
    assert place.signed(ALICE, "release", "CASE-7")[0] == 0
    assert place.states() == {"CASE-7": "asked", "other": "held"}
    code, _, complaint = place.signed(ALICE, "release", "CASE-7", "--approve", "--yes")
    assert (code, "another person must approve it" in complaint) == (2, True)
    assert place.held() == [3, 5, 6, 7, 8]
    code, _, shown = place.signed(BOB, "release", "CASE-7", "--approve")
    assert (code, place.states()["CASE-7"]) == (2, "asked")
    assert f"{ALICE} asks to release CASE-7, which holds 5 versions:" in shown
    assert f"{LOG}: 5 blocks, heights 3,5-8" in shown
    assert "nothing was done: approve at a terminal, or with --yes" in shown
    assert place.signed(BOB, "release", "CASE-7", "--approve", "--yes")[1] == "CASE-7: released; 4 holds lifted\n"
    assert place.held() == [8]  # another case holds it
    assert place.states() == {"CASE-7": "released", "other": "held"}
    vault = open_vault(place.url)
    locks = {vault.retention(entry.key, entry.version_id) for entry in vault.versions(LOG.blocks_prefix)}
    assert locks == {Retention("COMPLIANCE", UNTIL)}
    assert [event.action for event in place.recorded.events] == [
        f"auditseal.hold.{step}" for step in ("add", "add", "add", "ask-release", "approve-release") for _ in range(2)
    ]
    assert [event.outcome for event in place.recorded.events] == [Outcome.UNKNOWN, Outcome.SUCCESS] * 5
    first = place.recorded.events[0]
    assert (first.actor.id, first.resources[0].id, first.attributes["last_height"]) == (ALICE, "CASE-7", "7")
    statements = find_case(vault, PEOPLE, "CASE-7").signed
    assert first.attributes["statement_sha256"] == statements[0].digest.hex()
    assert "use another case" in place.add("1")[2]


def test_the_exact_version_is_held_and_an_interrupted_run_is_continued(
    place: HoldPlace, minio: MinioNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket, key = place.url.split("/")[2], LOG.block_key(4)
    second = minio.s3().put_object(Bucket=bucket, Key=f"vault/{key}", Body=b"another")["VersionId"]
    plain, monkey = S3Vault.set_legal_hold, monkeypatch.setattr

    def away(vault: S3Vault, key: str, version_id: str, *, held: bool) -> None:
        if key >= LOG.block_key(6) and key.startswith("v1/"):
            raise UnavailableError("the store is away")
        plain(vault, key, version_id, held=held)

    monkey(concurrent_calls, "_BATCH", 2)
    monkey(S3Vault, "set_legal_hold", away)
    assert place.add("4-9") == (1, "", "auditseal hold add: the store is away\n")
    assert place.held() == [4, 5]
    assert place.run("check")[0] == 12
    monkey(S3Vault, "set_legal_hold", plain)
    assert place.add("4-9") == (0, "CASE-7: 6 blocks are held; 0 statements signed, 4 holds set\n", "")
    assert (place.held(), len(place.recorded.events)) == ([4, 5, 6, 7, 8, 9], 2)
    assert open_vault(place.url).legal_hold(key, second) is False


def test_each_record_is_held_once_and_the_next_step_holds_one_that_an_interruption_left(
    place: HoldPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, asked = S3Vault.set_legal_hold, list[str]()

    def first_fails(vault: S3Vault, key: str, version_id: str, *, held: bool) -> None:
        asked.append(key)
        if asked.count(key) == 1 and key.endswith(("000000.note", "000002.note")):
            raise UnavailableError("the store is away")
        plain(vault, key, version_id, held=held)

    monkeypatch.setattr(S3Vault, "set_legal_hold", first_fails)
    assert [place.add("1")[0], place.add("1")[0], place.add("2")[0]] == [1, 0, 0]
    assert [place.signed(ALICE, "release", "CASE-7")[0] for _ in range(2)] == [1, 2]
    assert place.signed(BOB, "release", "CASE-7", "--approve", "--yes")[0] == 0
    vault = open_vault(place.url)
    records = [record_key("CASE-7", number) for number in range(4)]
    found = {entry.key: vault.legal_hold(entry.key, entry.version_id) for entry in vault.versions("v1-holds/")}
    assert found == dict.fromkeys(records, True)
    assert [asked.count(key) for key in records] == [2, 1, 2, 1]


def test_verify_finds_a_hold_that_someone_lifted(place: HoldPlace) -> None:
    place.add("2-4")
    vault = open_vault(place.url)
    assert isinstance(vault, S3Vault)
    entry = vault.versions_of(LOG.block_key(3))[-1]
    vault.set_legal_hold(entry.key, entry.version_id, held=False)
    code, answer = place.verify()
    (finding,) = answer["logs"][0]["findings"]
    assert (code, finding["verdict"], finding["height"], finding["field"]) == (12, "BAD_STORAGE", 3, "legal_hold")
    assert "the case CASE-7 holds this block, and the store shows no legal hold on it" in finding["detail"]
    assert answer["logs"][0]["held"] == 2
    code, out, _ = place.run("check", "--json")
    assert (code, json.loads(out)["not_held"]) == (12, [f"{entry.key} {entry.version_id}"])
    assert place.add("3")[0] == 0
    assert place.verify()[0] == 0


def test_nothing_is_done_that_was_not_recorded(place: HoldPlace) -> None:
    with place.recorded.brokers_down():
        code, _, complaint = place.add("1")
    assert (code, place.held(), place.states()) == (1, [], {})
    assert "was not recorded, so nothing was done" in complaint


def test_a_case_whose_record_can_not_be_read_may_hold_the_same_blocks(
    place: HoldPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.add("1,2")
    place.add("2", "other", BOB)
    place.signed(ALICE, "release", "CASE-7")
    plain = S3Vault.read

    def archived(vault: S3Vault, key: str, version_id: str = "") -> bytes:
        if key.startswith("v1-holds/other/"):
            raise UnreadableObjectError(f"{key}: moved to an archive's storage class")
        return plain(vault, key, version_id)

    monkeypatch.setattr(S3Vault, "read", archived)
    code, _, complaint = place.signed(BOB, "release", "CASE-7", "--approve", "--yes")
    assert (code, "may hold the same blocks, so no hold was lifted" in complaint, place.held()) == (1, True, [1, 2])
    monkeypatch.setattr(S3Vault, "read", plain)
    assert place.signed(BOB, "release", "CASE-7", "--approve", "--yes")[0] == 0
    assert place.held() == [2]


def test_a_version_that_was_deleted_is_under_no_hold(place: HoldPlace) -> None:
    vault = open_vault(place.url)
    assert vault.legal_hold(LOG.block_key(0), str(uuid4())) is False
    assert vault.legal_hold("v1/nothing", str(uuid4())) is False
