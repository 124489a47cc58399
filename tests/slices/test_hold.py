"""`auditseal hold` on a real store: what it refuses, foreign records, and the rights of each identity."""

from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from auditseal_local.minio import MinioNode
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.hold_statement import HeldBlock, Step
from auditseal_vault import legal_hold
from auditseal_vault.hold_records import find_case, record_key
from auditseal_vault.interface import Retention
from auditseal_vault.open import open_vault
from auditseal_vault.s3 import S3Vault
from tests.factory.archiver_settings import log_line
from tests.factory.holding import BLOCKS, LOG, UNTIL, HoldPlace, make_place
from tests.factory.people import ALICE, AT, BOB, CAROL, PEOPLE, signed_by
from tests.factory.rights import BUCKET, credentials_under


@pytest.fixture
def place(
    minio: MinioNode, new_bucket: Callable[[], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> HoldPlace:
    return make_place(minio, new_bucket(), tmp_path, monkeypatch)


def test_a_held_block_and_a_record_outlive_nothing_but_their_hold(place: HoldPlace, minio: MinioNode) -> None:
    place.add("2")
    vault = open_vault(place.url)
    record = vault.versions_of(record_key("CASE-7", 0))[-1]
    assert vault.legal_hold(record.key, record.version_id) is True
    assert vault.retention(record.key, record.version_id) == Retention("COMPLIANCE", UNTIL)
    bucket = place.url.split("/")[2]
    minio.s3().put_object(
        Bucket=bucket, Key="vault/short", Body=b"x", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=UNTIL
    )
    short = vault.versions_of("short")[-1]
    vault.set_legal_hold(
        "short", short.version_id, held=True
    )  # the lock can be bypassed, so that the hold alone is left
    doomed = {"Bucket": bucket, "Key": "vault/short", "VersionId": short.version_id, "BypassGovernanceRetention": True}
    with pytest.raises(ClientError, match=r"AccessDenied|WORM"):
        minio.s3().delete_object(**doomed)
    vault.set_legal_hold("short", short.version_id, held=False)
    minio.s3().delete_object(**doomed)
    assert vault.versions_of("short") == ()


def test_an_approval_that_was_interrupted_is_continued(place: HoldPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    place.add("2-4")
    place.signed(CAROL, "release", "CASE-7")
    plain = legal_hold.set_holds
    monkeypatch.setattr("auditseal.holding.set_holds", lambda *_, **__: (_ for _ in ()).throw(UnavailableError("away")))
    assert place.signed(BOB, "release", "CASE-7", "--approve", "--yes")[0] == 1
    assert (place.held(), place.states()) == ([2, 3, 4], {"CASE-7": "released"})
    monkeypatch.setattr("auditseal.holding.set_holds", plain)
    assert place.signed(BOB, "release", "CASE-7", "--approve", "--yes")[1] == "CASE-7: released; 3 holds lifted\n"
    assert (place.held(), len(place.recorded.events)) == ([], 6)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--heights", "11-12"], 1, "has blocks 0 to 11 of a.example/audit.events/0/0, and block 12 can't be held"),
        (["--heights", "999999999999"], 1, "block 999999999999 can't be held"),
        (["--heights", "5-3"], 2, "names no heights: write 17, or 3,10-20"),
        (["--heights", "1;2"], 2, "names no heights"),
        (["--heights", "1", "--filter", "actor = a"], 2, "and not by both"),
        (["--filter", "actor = nobody"], 2, "name the blocks by --origin and --heights, or by --filter"),
    ],
)
def test_blocks_that_cannot_be_held(place: HoldPlace, words: list[str], code: int, said: str) -> None:
    answer = place.signed(ALICE, "add", "CASE-7", "--origin", str(LOG), *words)
    assert (answer[0], said in answer[2]) == (code, True), answer
    assert (place.held(), place.states(), place.recorded.events) == ([], {}, [])


def test_a_filter_without_a_hit_and_a_search_that_is_not_complete(place: HoldPlace, minio: MinioNode) -> None:
    code, _, complaint = place.signed(ALICE, "add", "CASE-7", "--filter", "actor = nobody")
    assert (code, "no event matches, and no block was held" in complaint) == (2, True)
    bucket, key = place.url.split("/")[2], f"vault/{LOG.block_key(12)}"
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": UNTIL}
    minio.s3().put_object(Bucket=bucket, Key=key, Body=b"garbage", **lock)
    code, _, complaint = place.signed(ALICE, "add", "CASE-7", "--filter", "offset >= 0")
    assert (code, place.held()) == (10, [])
    assert "nothing was held, because the search is not complete" in complaint
    assert "heights 12" in complaint


def test_a_filter_holds_the_blocks_of_all_hits(place: HoldPlace) -> None:
    assert place.signed(ALICE, "add", "CASE-7", "--filter", "offset in (2, 3, 9)")[0] == 0
    assert place.held() == [2, 3, 9]
    assert "heights 2-3,9" in place.run("list")[1]


def test_people_and_cases_that_do_not_exist(place: HoldPlace) -> None:
    assert "has no case CASE-9" in place.signed(ALICE, "release", "CASE-9")[2]
    assert "'a/b' can't name a case" in place.add("1", "a/b")[2]
    place.add("1")
    assert "ask first" in place.signed(BOB, "release", "CASE-7", "--approve", "--yes")[2]
    place.trust.write_text(f"vault {place.url}\n{log_line(LOG)}person {PEOPLE[0]}\n")
    assert f"no person line for {place.key(BOB)}" in place.signed(BOB, "release", "CASE-7")[2]


def test_a_record_that_nobody_of_the_trust_file_signed(place: HoldPlace) -> None:
    place.add("1")
    vault = open_vault(place.url)
    assert isinstance(vault, S3Vault)
    case = find_case(vault, PEOPLE, "CASE-7")
    forged = signed_by(ALICE, case.next(Step.ADD, AT, LOG, [HeldBlock(2, "v")])).replace(b"block 2", b"block 3")
    vault.put(record_key("CASE-7", 1), forged, UNTIL)
    code, answer = place.verify()
    assert (code, len(answer["errors"]), answer["logs"][0]["held"]) == (1, 1, 1)
    assert "v1-holds/CASE-7/000001.note" in answer["errors"][0]
    code, out, _ = place.run("list")
    assert (code, "is not valid: BAD_SIGNATURE" in out) == (1, True)
    assert "use another case" in place.add("2")[2]
    assert place.run("check")[0] == 1


def test_a_trust_file_without_people_says_that_holds_were_not_checked(place: HoldPlace) -> None:
    place.add("1")
    place.trust.write_text(f"vault {place.url}\n{log_line(LOG)}")
    code, answer = place.verify()
    assert (code, answer["logs"][0]["held"]) == (0, 1)
    assert any("records of legal holds, which were not checked" in notice for notice in answer["notices"])


def test_a_bucket_without_object_lock_and_a_directory_are_refused(
    place: HoldPlace, minio: MinioNode, tmp_path: Path
) -> None:
    minio.s3().create_bucket(Bucket="no-locks")
    minio.s3().put_bucket_versioning(Bucket="no-locks", VersioningConfiguration={"Status": "Enabled"})
    minio.s3().put_object(Bucket="no-locks", Key=LOG.block_key(0), Body=BLOCKS[0].format())
    where = ["--vault", minio.vault_url("no-locks")]
    code, _, complaint = place.signed(ALICE, "add", "CASE-7", "--origin", str(LOG), "--heights", "0", *where)
    assert (code, "has no COMPLIANCE lock" in complaint) == (1, True), complaint
    (tmp_path / "directory").mkdir()
    where = ["--vault", (tmp_path / "directory").as_uri()]
    code, _, complaint = place.signed(ALICE, "add", "CASE-7", "--origin", str(LOG), "--heights", "0", *where)
    assert (code, "is a directory, and has no legal holds" in complaint) == (2, True)


def test_the_rights_of_each_identity(place: HoldPlace, minio: MinioNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder's policy can hold and lift and nothing else; the auditor sees holds, and the archiver sets none."""
    minio.make_bucket(BUCKET)
    url = minio.vault_url(BUCKET)
    vault = open_vault(url)
    for block in BLOCKS[:4]:
        vault.put(LOG.block_key(block.header.height), block.format(), UNTIL)
    place.trust.write_text(place.trust.read_text().replace(place.url, url))

    def become(policy: str) -> None:
        for name, value in credentials_under(minio, policy).items():
            monkeypatch.setenv(name, value)

    become("s3-archiver.json")
    code, _, complaint = place.add("1")
    assert (code, "AccessDenied" in complaint or "Access Denied" in complaint) == (1, True), complaint
    become("s3-holder.json")
    assert place.add("1")[0] == 0
    holder = open_vault(url)
    assert isinstance(holder, S3Vault)
    with pytest.raises(UnavailableError, match="AccessDenied"):
        holder.put(LOG.block_key(9), b"x", UNTIL)
    with pytest.raises(UnavailableError, match="AccessDenied"):
        holder.extend_lock(LOG.block_key(1), holder.versions_of(LOG.block_key(1))[-1].version_id, UNTIL)
    become("s3-auditor.json")
    code, answer = place.verify()
    assert (code, answer["logs"][0]["held"], answer["errors"]) == (0, 1, [])
    code, _, complaint = place.add("2")
    assert (code, open_vault(url).legal_hold(*_at(url, 2))) == (1, False), complaint


def _at(url: str, height: int) -> tuple[str, str]:
    entry = open_vault(url).versions_of(LOG.block_key(height))[-1]
    return entry.key, entry.version_id
