"""Legal holds: statements have one spelling, come in order, and two people release a case."""

from dataclasses import replace
from hashlib import sha256

import pytest

from auditseal_schemas.errors import ConfigurationError, MalformedError, VerificationError
from auditseal_schemas.hold_case import HoldCase, SignedHold, active_blocks, active_holds, released_blocks
from auditseal_schemas.hold_statement import (
    MOST_LINES_BYTES,
    HeldBlock,
    HoldStatement,
    Step,
    check_case_name,
    in_statements,
)
from auditseal_schemas.limits import MAX_HEIGHT, MAX_NOTE_BYTES
from auditseal_schemas.note import Note, sign_note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from tests.factory.people import ALICE, AT, BOB, CAROL, PEOPLE, SIGNERS, accept_all, add_to, signed_by

LOG, OTHER = Origin("a.example", "t", 0, 0), Origin("a.example", "t", 1, 0)
ADD = (ALICE, Step.ADD, (LOG, {3: "v3", 5: "v5"}))
STATEMENT = HoldStatement("CASE-7", 0, b"", Step.ADD, AT, LOG, (HeldBlock(3, "v3"), HeldBlock(5, "v5")))
TEXT = """\
auditseal.hold/v1
case CASE-7
number 0
previous -
step add
at 1790000000
log a.example/t/0/0
block 3 v3
block 5 v5
"""


def refused(case: HoldCase, note: bytes, verdict: Verdict, said: str) -> None:
    with pytest.raises(VerificationError, match=said) as caught:
        case.accept(note, PEOPLE)
    assert caught.value.verdict is verdict


def test_a_statement_is_its_text() -> None:
    assert STATEMENT.text() == TEXT
    assert HoldStatement.parse(TEXT) == STATEMENT
    later = replace(STATEMENT, number=17, previous=bytes(range(32)))
    assert HoldStatement.parse(later.text()) == later


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("hold/v1", "hold/v2"),
        ("case CASE-7", "case .CASE"),
        ("number 0", "number 00"),
        ("number 0", "number 1000000"),
        ("previous -", "previous AAAA"),
        ("previous -", f"previous {'A' * 42}B="),
        ("step add", "step drop"),
        ("step add", "step ask-release"),
        ("at 1790000000", "at -1"),
        ("log a.example/t/0/0\nblock 3 v3\nblock 5 v5\n", ""),
        ("block 3 v3\nblock 5 v5\n", ""),
        ("log a.example/t/0/0", "log nothing"),
        ("block 3 v3", "block 03 v3"),
        ("block 3 v3", "block 5 v3"),
        ("block 3 v3", "block 6 v3"),
        ("block 3 v3", "block 3 "),
        ("block 5 v5\n", "block 5 v5"),
        ("block 5 v5\n", f"block {MAX_HEIGHT + 1} v5\n"),
    ],
)
def test_another_text_is_none(before: str, after: str) -> None:
    assert before in TEXT
    with pytest.raises(MalformedError):
        HoldStatement.parse(TEXT.replace(before, after))


@pytest.mark.parametrize("name", ["", "-a", "a b", "a/b", "ä", "a" * 65, "a\n"])
def test_a_name_that_no_case_can_have(name: str) -> None:
    with pytest.raises(ConfigurationError, match="can't name a case"):
        check_case_name(name)


def test_names_of_cases() -> None:
    assert [check_case_name(name) for name in ("a", "2026.A_b-7", "a" * 64)] == ["a", "2026.A_b-7", "a" * 64]


def test_many_blocks_are_several_statements_each_of_which_a_note_can_hold() -> None:
    blocks = [HeldBlock(height, "v" * 1024) for height in range(200)]
    portions = list(in_statements(blocks))
    assert [block for portion in portions for block in portion] == blocks
    assert len(portions) == 200 // (MOST_LINES_BYTES // len(str(blocks[150]))) + 1
    statement = HoldStatement("a" * 64, 999_999, bytes(32), Step.ADD, 999_999_999_999, LOG, portions[0])
    assert len(signed_by(ALICE, statement)) < MAX_NOTE_BYTES
    assert HoldStatement.parse(Note.parse(signed_by(ALICE, statement)).text) == statement
    assert list(in_statements([])) == []
    exact = [HeldBlock(1, "v" * (MOST_LINES_BYTES - len("block 1 \n")))]
    assert list(in_statements([*exact, *exact])) == [tuple(exact), tuple(exact)]


def test_a_statement_has_blocks_up_to_its_most_bytes() -> None:
    half = MOST_LINES_BYTES // 2
    whole, longer = (HeldBlock(1, "v" * (size - len("block 1 \n"))) for size in (half, half + 1))
    assert MOST_LINES_BYTES == 49_152
    assert list(in_statements([whole] * 4)) == [(whole, whole)] * 2
    assert list(in_statements([whole, longer])) == [(whole,), (longer,)]
    assert list(in_statements([whole, whole, whole, longer])) == [(whole, whole), (whole,), (longer,)]


def test_the_highest_block_can_be_held() -> None:
    assert HoldStatement.parse(TEXT.replace("block 5", f"block {MAX_HEIGHT}")).blocks[-1].height == MAX_HEIGHT


def test_a_statement_names_the_one_before_it() -> None:
    case, notes = accept_all("C", ADD, (BOB, Step.ADD, (OTHER, {0: "w0"})))
    assert case.next(Step.ASK, AT).previous == sha256(notes[1]).digest()


def test_a_case_holds_what_its_statements_add() -> None:
    case, _ = accept_all("C", ADD, (BOB, Step.ADD, (OTHER, {0: "w0"})), (BOB, Step.ADD, (LOG, {9: "v9"})))
    assert case.blocks == {LOG: {3: "v3", 5: "v5", 9: "v9"}, OTHER: {0: "w0"}}
    assert [each.person for each in case.signed] == [ALICE, BOB, BOB]
    assert (case.asked_by, case.is_released) == (None, False)
    assert (HoldCase("C").asked_by, HoldCase("C").is_released, HoldCase("C").blocks) == (None, False, {})


def test_two_people_release_a_case() -> None:
    asked, _ = accept_all("C", ADD, (ALICE, Step.ASK, None))
    assert (asked.asked_by, asked.is_released) == (ALICE, False)
    refused(asked, signed_by(ALICE, asked.next(Step.APPROVE, AT)), Verdict.BROKEN_CHAIN, "another person must approve")
    refused(asked, signed_by(BOB, asked.next(Step.ASK, AT)), Verdict.BROKEN_CHAIN, "asked to release the case already")
    released = asked.accept(signed_by(BOB, asked.next(Step.APPROVE, AT)), PEOPLE)
    assert (released.asked_by, released.is_released) == (None, True)
    assert released.blocks == asked.blocks
    refused(released, add_to(released, ALICE, LOG, {1: "v"}), Verdict.BROKEN_CHAIN, "was released: use another case")


def test_an_approval_is_for_what_was_held_when_it_was_asked_for() -> None:
    asked, _ = accept_all("C", ADD, (ALICE, Step.ASK, None))
    approval = signed_by(BOB, asked.next(Step.APPROVE, AT))
    grown = asked.accept(add_to(asked, CAROL, LOG, {7: "v7"}), PEOPLE)
    assert grown.asked_by is None
    refused(grown, approval, Verdict.BROKEN_CHAIN, "not statement 3 of the case")
    refused(grown, signed_by(BOB, grown.next(Step.APPROVE, AT)), Verdict.BROKEN_CHAIN, "ask first")


def test_statements_out_of_place() -> None:
    case, (first,) = accept_all("C", ADD)
    refused(case, first, Verdict.BROKEN_CHAIN, "not statement 1")
    refused(HoldCase("D"), first, Verdict.BROKEN_CHAIN, "a statement of the case 'C'")
    forged = replace(case.next(Step.ASK, AT), previous=bytes(32))
    refused(case, signed_by(BOB, forged), Verdict.BROKEN_CHAIN, "not statement 1")
    refused(case, signed_by(BOB, replace(forged, number=2)), Verdict.BROKEN_CHAIN, "not statement 1")
    refused(HoldCase("C"), signed_by(BOB, HoldCase("C").next(Step.ASK, AT)), Verdict.BROKEN_CHAIN, "holds nothing")


def test_only_one_person_of_the_trust_file_signs() -> None:
    first = HoldCase("C").next(Step.ADD, AT, LOG, [HeldBlock(1, "v")])
    text = first.text()
    stranger = sign_note(text, "mallory@example.com", [SIGNERS[ALICE]]).format()
    refused(HoldCase("C"), stranger, Verdict.BAD_SIGNATURE, "signed by 'mallory@example.com'")
    in_her_name = sign_note(text, ALICE, [SIGNERS[BOB]]).format()
    refused(HoldCase("C"), in_her_name, Verdict.BAD_SIGNATURE, "one person of the trust file")
    both = Note(text, tuple(Note.parse(signed_by(name, first)).signatures[0] for name in (ALICE, BOB))).format()
    refused(HoldCase("C"), both, Verdict.BAD_SIGNATURE, "sign it alone")
    with_mallory = Note(text, Note.parse(both).signatures[:1] + Note.parse(stranger).signatures).format()
    refused(HoldCase("C"), with_mallory, Verdict.BAD_SIGNATURE, "sign it alone")
    changed = signed_by(ALICE, first).replace(b"block 1", b"block 2")
    refused(HoldCase("C"), changed, Verdict.BAD_SIGNATURE, "doesn't hold")
    refused(HoldCase("C"), b"garbage", Verdict.MALFORMED, "note")


def test_what_several_cases_hold() -> None:
    one, _ = accept_all("one", ADD)
    two, _ = accept_all("two", (BOB, Step.ADD, (LOG, {5: "v5", 6: "v6"})))
    gone, _ = accept_all("gone", (BOB, Step.ADD, (OTHER, {1: "w"})), (BOB, Step.ASK, None), (ALICE, Step.APPROVE, None))
    assert active_holds([one, two, gone]) == {
        LOG: {3: SignedHold("v3", "one"), 5: SignedHold("v5", "one"), 6: SignedHold("v6", "two")}
    }
    assert active_blocks([one, two, gone]) == {LOG: {3: "v3", 5: "v5", 6: "v6"}}


def test_what_released_cases_held_and_no_other_case_holds() -> None:
    release = (BOB, Step.ASK, None), (ALICE, Step.APPROVE, None)
    held, _ = accept_all("held", ADD)
    one, _ = accept_all("one", (BOB, Step.ADD, (LOG, {5: "v5", 6: "v6"})), *release)
    two, _ = accept_all("two", (BOB, Step.ADD, (LOG, {7: "v7"})), (BOB, Step.ADD, (OTHER, {1: "w"})), *release)
    assert released_blocks([held, one, two]) == {LOG: {6: "v6", 7: "v7"}, OTHER: {1: "w"}}
    assert released_blocks([one]) == {LOG: {5: "v5", 6: "v6"}}
    assert released_blocks([held]) == {}


def test_a_case_continues_one_whose_statements_it_begins_with() -> None:
    begun, _ = accept_all("C", ADD)
    longer, _ = accept_all("C", ADD, (BOB, Step.ASK, None))
    other, _ = accept_all("C", (BOB, Step.ADD, (LOG, {3: "v3", 5: "v5"})), (BOB, Step.ASK, None))
    assert [longer.continues(case) for case in (HoldCase("C"), begun, longer, other)] == [True, True, True, False]
    assert not begun.continues(longer)
