"""Legal holds in a verification: shown or not, signed or not, and a reader that may not see them."""

from dataclasses import replace
from typing import Any

import pytest

from auditseal_auditor.report_text import detail_lines
from auditseal_schemas.hold_statement import Step
from auditseal_schemas.verdict import Verdict
from auditseal_vault.bulk_reader import read_version
from auditseal_vault.hold_records import record_key
from auditseal_vault.interface import ReadOutcome, StoredObject, StoredVersion
from tests.factory.audits import audit
from tests.factory.people import ALICE, BOB, PEOPLE, accept_all
from tests.factory.vaults import ORIGINS, MemoryVault, make_trust, make_vault

LOG = ORIGINS[0]
TRUST = replace(make_trust(), people=PEOPLE)


class AskingVault(MemoryVault):
    """A vault whose answers show a hold only where one is on, as S3 does, and that counts who asks."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self.questions: list[str] = []
        self.asked_versions: set[str] = set()

    def read_many(self, versions: Any) -> Any:
        yield from (self._shown(read_version(self, version)) for version in versions)

    def _shown(self, outcome: ReadOutcome) -> ReadOutcome:
        self.questions.clear()  # those of `read_version`, which a bucket answers with the content
        assert isinstance(outcome, StoredObject)
        return replace(outcome, legal_hold=outcome.legal_hold or None)

    def legal_hold(self, key: str, version_id: str) -> bool | None:
        self.questions.append(key)
        self.asked_versions.add(version_id)
        return super().legal_hold(key, version_id)


@pytest.fixture
def vault() -> AskingVault:
    return AskingVault(objects=make_vault()[0].objects)


def sign(vault: MemoryVault, name: str, *steps: Any) -> None:
    """Store the records of a case."""
    for number, note in enumerate(accept_all(name, *steps)[1]):
        vault.put(record_key(name, number), note)


def add(versions: dict[int, str]) -> tuple[str, Step, Any]:
    return ALICE, Step.ADD, (LOG, versions)


def holds_of(report: Any) -> list[tuple[Any, ...]]:
    return [(found.verdict, found.height, found.field) for found in report.kept_findings]


MISSING = [(Verdict.BAD_STORAGE, 1, "legal_hold")]


def test_held_blocks_are_counted_without_a_question(vault: AskingVault) -> None:
    vault.held = {LOG.block_key(0), LOG.block_key(2)}
    report = audit(vault, TRUST)
    assert (report.exit_code, [log.counts.held for log in report.logs]) == (0, [2, 0])
    assert vault.questions == [ORIGINS[1].block_key(2)]  # where no answer showed a hold: is none there, or not visible?
    assert any("; 2 blocks under legal hold" in line for line in detail_lines(report))
    assert [log.to_json()["held"] for log in report.logs] == [2, 0]


def test_a_log_whose_answers_show_a_hold_is_not_asked_about(vault: AskingVault) -> None:
    vault.held = {ORIGINS[1].block_key(0)}
    report = audit(vault, TRUST)
    assert [log.counts.held for log in report.logs] == [0, 1]
    assert vault.questions == []


def test_the_first_version_is_asked_about(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({1: "v1"}))
    vault.put(LOG.block_key(1), b"stored later")
    assert MISSING[0] in holds_of(audit(vault, TRUST))
    assert vault.asked_versions == {"v1"}


def test_a_signed_hold_that_the_store_does_not_show_is_a_finding(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({0: "v1", 1: "v1"}))
    vault.held = {LOG.block_key(0)}
    report = audit(vault, TRUST)
    assert (holds_of(report), report.exit_code) == (MISSING, Verdict.BAD_STORAGE.exit_code)
    assert "the case CASE-7 holds this block" in report.kept_findings[0].detail
    vault.held.add(LOG.block_key(1))
    assert audit(vault, TRUST).exit_code == 0


def test_a_vault_that_says_for_each_block_that_it_is_not_held() -> None:
    vault = make_vault()[0]
    sign(vault, "CASE-7", add({1: "v1"}))
    assert holds_of(audit(vault, TRUST)) == MISSING
    assert [log.counts.held for log in audit(vault, TRUST).logs] == [0, 0]


def test_a_released_case_requires_nothing(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({1: "v1"}), (ALICE, Step.ASK, None), (BOB, Step.APPROVE, None))
    assert audit(vault, TRUST).exit_code == 0


def test_another_version_than_the_held_one_is_a_finding(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({1: "v2"}))
    vault.put(LOG.block_key(1), b"stored later")
    vault.held = {LOG.block_key(1)}
    report = audit(vault, TRUST)
    assert MISSING[0] in holds_of(report)
    assert any("holds version v2, which is not the oldest one" in found.detail for found in report.kept_findings)


def test_in_a_copy_whose_versions_have_other_ids_the_oldest_one_must_be_held(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({0: "id-0", 1: "id-1"}))
    vault.held = {LOG.block_key(0)}
    report = audit(vault, TRUST)
    assert holds_of(report) == MISSING
    vault.held.add(LOG.block_key(1))
    report = audit(vault, TRUST)
    said = "2 held blocks have other version ids than people signed: in a copy all have"
    assert (report.exit_code, said in report.logs[0].notices) == (0, True)
    heads = report.heads_after({})
    scrubbed = audit(vault, TRUST, heads=heads, continued=True, memory="state", scrub_period=0)
    assert said in scrubbed.logs[0].notices


def test_a_reader_that_may_not_see_holds_says_so(vault: AskingVault) -> None:
    vault.shows_holds = False
    report = audit(vault, TRUST)
    assert (report.exit_code, [log.counts.held for log in report.logs]) == (0, [None, None])
    assert all("s3:GetObjectLegalHold" in log.notices[0] for log in report.logs)
    sign(vault, "CASE-7", add({0: "v1", 1: "v1"}))
    report = audit(vault, TRUST)
    assert (report.exit_code, report.logs[0].result) == (1, "UNKNOWN")
    assert f"2 signed holds can't be checked, such as {LOG.block_key(0)}" in report.errors[0]
    assert vault.questions.count(LOG.block_key(1)) == 0  # one refusal is enough


def test_records_that_are_not_valid_are_errors_and_those_before_count(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({1: "v1"}))
    vault.put(record_key("CASE-7", 1), b"garbage")
    vault.put("v1-holds/odd name/000000.note", b"garbage")
    vault.put("v1-holds/GAP/000001.note", b"garbage")
    vault.put(record_key("HIDDEN", 0), None)
    report = audit(vault, TRUST)
    assert holds_of(report) == MISSING
    problems = sorted(report.failures)
    assert [text.split("'")[1] for text in problems] == [
        "v1-holds/CASE-7/000001.note",
        "v1-holds/GAP/000001.note",
        "v1-holds/HIDDEN/000000.note",
        "v1-holds/odd name/000000.note",
    ]
    assert "v1-holds/GAP/000000.note should be here" in problems[1]
    vault.held = {LOG.block_key(1)}
    assert audit(vault, TRUST).exit_code == 1


def test_records_that_can_not_be_read_are_an_error(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({1: "v1"}))
    vault.put(record_key("A-FIRST-ONE", 0), b"encrypted by a key that nobody here has")
    vault.refused.add(record_key("A-FIRST-ONE", 0))
    report = audit(vault, TRUST)
    assert holds_of(report) == MISSING  # the other cases count
    assert "v1-holds/A-FIRST-ONE/000000.note' in memory: can't be read: " in report.failures[0]
    vault.refused.add(record_key("CASE-7", 0))
    report = audit(vault, TRUST)
    assert (report.exit_code, holds_of(report), len(report.failures)) == (1, [], 2)
    vault.broken = record_key("CASE-7", 0)
    assert "the records of legal holds can't be read" in audit(vault, TRUST).failures[0]


def test_without_people_the_records_are_mentioned(vault: AskingVault) -> None:
    said = "which were not checked: the trust file names no person"
    assert not any(said in notice for notice in audit(vault, make_trust()).notices)
    sign(vault, "CASE-7", add({1: "v1"}))
    report = audit(vault, make_trust())
    assert (report.exit_code, any(said in notice for notice in report.notices)) == (0, True)
    assert not any(said in notice for notice in audit(vault, TRUST).notices)


def test_a_record_counts_as_it_was_first_stored(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({1: "v1"}))
    vault.put(record_key("CASE-7", 0), b"another version")
    vault.put(record_key("CASE-7", 0), None)
    assert holds_of(audit(vault, TRUST)) == MISSING
    assert isinstance(vault.versions_of(record_key("CASE-7", 0))[0], StoredVersion)


def test_continued_runs_check_the_holds_of_the_blocks_that_they_read(vault: AskingVault) -> None:
    first = audit(vault, TRUST)
    heads = first.heads_after({})
    sign(vault, "CASE-7", add({1: "v1"}))
    assert audit(vault, TRUST, heads=heads, continued=True, memory="state").exit_code == 0
    scrubbed = audit(vault, TRUST, heads=heads, continued=True, memory="state", scrub_period=0)
    assert holds_of(scrubbed) == MISSING


def test_an_object_of_another_name_ends_no_case(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({1: "v1"}), (BOB, Step.ADD, (LOG, {2: "v1"})))
    vault.held = {LOG.block_key(1)}
    for name in ("CASE-7/0", "CASE-7/000000", "CASE-7/000000.note.old", "CASE-7/00000\u0660.note", "CASE-7"):
        vault.put(f"v1-holds/{name}", b"garbage")
    report = audit(vault, TRUST)
    assert holds_of(report) == [(Verdict.BAD_STORAGE, 2, "legal_hold")]
    assert [text.split("'")[1] for text in report.failures] == ["v1-holds/CASE-7"]  # the first one of the case
    vault.held.add(LOG.block_key(2))
    assert audit(vault, TRUST).exit_code == 1


def test_a_held_block_that_was_cut_off_with_the_end_of_its_log_is_a_finding(vault: AskingVault) -> None:
    sign(vault, "CASE-7", add({0: "v1", 2: "v1"}))
    vault.held = {LOG.block_key(0), LOG.block_key(2)}
    assert audit(vault, TRUST).exit_code == 0
    del vault.objects[LOG.block_key(2)]
    report = audit(vault, TRUST)
    assert holds_of(report) == [(Verdict.BAD_STORAGE, 2, "legal_hold")]
    assert "the log in the store ends below it" in report.kept_findings[0].detail
    vault.put(LOG.block_key(2), None)
    assert (Verdict.BAD_STORAGE, 2, "legal_hold") in holds_of(audit(vault, TRUST))


def test_a_case_that_a_copy_has_must_be_in_the_vault_and_is_required(vault: AskingVault) -> None:
    steps = [add({1: "v1"}), (ALICE, Step.ASK, None)]
    sign(vault, "CASE-7", *steps)
    sign(vault, "OTHER", add({2: "v1"}))
    vault.held = {LOG.block_key(1), LOG.block_key(2)}
    known = audit(vault, TRUST).cases
    assert [(case.name, len(case.signed)) for case in known] == [("CASE-7", 2), ("OTHER", 1)]
    assert audit(vault, TRUST, cases=known).exit_code == 0
    sign_release = accept_all("CASE-7", *steps, (BOB, Step.APPROVE, None))[1][2]
    vault.put(record_key("CASE-7", 2), sign_release)
    vault.held.remove(LOG.block_key(1))
    assert audit(vault, TRUST, cases=known).exit_code == 0  # the copy has an earlier part of the case
    for number in range(3):
        del vault.objects[record_key("CASE-7", number)]
    assert audit(vault, TRUST).exit_code == 0
    report = audit(vault, TRUST, cases=known)
    assert holds_of(report) == MISSING
    assert [text.split(":")[0] for text in report.failures] == [
        "statements of the case CASE-7 that a copy has are not in memory"
    ]
    sign(vault, "CASE-7", (BOB, Step.ADD, (LOG, {0: "v1"})))
    vault.held.add(LOG.block_key(0))
    report = audit(vault, TRUST, cases=known)
    assert (holds_of(report), len(report.failures)) == (MISSING, 1)
