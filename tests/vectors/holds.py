"""Golden cases of legal holds: statements as people signed them, and what a verifier must read from them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from auditseal_schemas.hold_case import HoldCase
from auditseal_schemas.hold_statement import Step
from auditseal_schemas.key import SigningKey
from auditseal_schemas.note import sign_note
from auditseal_schemas.origin import Origin
from tests.factory.keys import signing_key
from tests.factory.people import ALICE, BOB, CAROL, PEOPLE, SIGNERS, accept_all

NAME = "holds.json"
CASE = "CASE-7"
LOG, OTHER = Origin("audit.example.com", "audit.events", 0, 0), Origin("audit.example.com", "audit.events", 1, 0)
ADD = (ALICE, Step.ADD, (LOG, {3: "v3", 5: "v5"}))
AGAIN = (BOB, Step.ADD, (LOG, {5: "w5"}))
OTHERS = (BOB, Step.ASK, None), (CAROL, Step.APPROVE, None)
ASK, APPROVE = (ALICE, Step.ASK, None), (BOB, Step.APPROVE, None)
_STRANGER = signing_key("mallory")
Notes = list[bytes]


def holds_file() -> bytes:
    """Return the file of all cases."""
    cases = [_described(*case) for case in [*_good(), *_spelled(), *_signed(), *_ordered()]]
    lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    people = json.dumps([str(key) for key in PEOPLE])
    return f'{{"people": {people},\n"cases": [\n{lines}\n]}}\n'.encode()


def _described(name: str, about: str, notes: Sequence[bytes], case: HoldCase) -> dict[str, Any]:
    """Return a case as the file has it; the first invalid note follows the valid ones of `case`."""
    return {
        "name": name,
        "about": about,
        "case": CASE,
        "notes": [note.decode() for note in notes],
        "valid": len(case.signed),
        "state": "released" if case.is_released else "asked" if case.asked_by else "held",
        "holds": {
            str(origin): {str(height): version for height, version in blocks.items()}
            for origin, blocks in case.blocks.items()
        },
    }


def _good() -> Iterator[tuple[str, str, Notes, HoldCase]]:
    for name, about, steps in (
        ("added", "One person holds two blocks.", [ADD]),
        ("added-by-two", "Two people hold blocks of two logs.", [ADD, (BOB, Step.ADD, (OTHER, {0: "w0"}))]),
        ("added-again", "A later statement names another version of a block: it counts.", [ADD, AGAIN]),
        ("asked", "Release was asked for.", [ADD, ASK]),
        ("added-after-asking", "Blocks were added after that, so it has to be asked for again.", [ADD, ASK, ADD]),
        ("released", "Another person approved.", [ADD, ASK, APPROVE]),
        ("asked-again", "It was asked for again after blocks were added.", [ADD, ASK, ADD, *OTHERS]),
    ):
        case, notes = accept_all(CASE, *steps)
        yield name, about, notes, case


def _after(*steps: Any) -> tuple[HoldCase, Notes]:
    return accept_all(CASE, *steps)


def _note(text: str, *signers: tuple[str, SigningKey]) -> bytes:
    name, _ = signers[0]
    first = sign_note(text, name, [signers[0][1]]).format()
    lines = [sign_note(text, other, [key]).format().removeprefix(text.encode() + b"\n") for other, key in signers[1:]]
    return b"".join([first, *lines])


def _signed_by(person: str, text: str) -> bytes:
    return _note(text, (person, SIGNERS[person]))


def _spelled() -> Iterator[tuple[str, str, Notes, HoldCase]]:
    """Texts that differ from a statement in one place, each signed by a person."""
    text = _after(ADD)[0].signed[0].statement.text()
    for name, before, after in (
        ("version", "hold/v1", "hold/v2"),
        ("case-name", f"case {CASE}", f"case .{CASE}"),
        ("number-padded", "number 0", "number 00"),
        ("number-of-7-digits", "number 0", "number 1000000"),
        ("previous-not-32-bytes", "previous -", "previous AAAA"),
        ("previous-not-canonical", "previous -", f"previous {'A' * 42}B="),
        ("step-unknown", "step add", "step drop"),
        ("blocks-with-another-step", "step add", "step ask-release"),
        ("time-negative", "at 1790000000", "at -1"),
        ("no-log", f"log {LOG}\nblock 3 v3\nblock 5 v5\n", ""),
        ("no-blocks", "block 3 v3\nblock 5 v5\n", ""),
        ("log-is-no-origin", f"log {LOG}", "log nothing"),
        ("height-padded", "block 3 v3", "block 03 v3"),
        ("height-twice", "block 3 v3", "block 5 v3"),
        ("heights-descend", "block 3 v3", "block 6 v3"),
        ("version-id-empty", "block 3 v3", "block 3 "),
        ("height-of-13-digits", "block 5 v5", "block 1000000000000 v5"),
        ("line-after-the-blocks", "block 5 v5\n", "block 5 v5\nend\n"),
    ):
        assert before in text
        note = _signed_by(ALICE, text.replace(before, after))
        yield f"spelled-{name}", f"The text has {after!r} in place of {before!r}.", [note], HoldCase(CASE)


def _signed() -> Iterator[tuple[str, str, Notes, HoldCase]]:
    text, none = _after(ADD)[0].signed[0].statement.text(), HoldCase(CASE)
    alice, bob, mallory = (ALICE, SIGNERS[ALICE]), (BOB, SIGNERS[BOB]), ("mallory@example.com", _STRANGER)
    yield "signed-by-two", "Two people signed.", [_note(text, alice, bob)], none
    yield "signed-by-a-stranger", "The trust file does not have the person who signed.", [_note(text, mallory)], none
    yield "signed-by-a-stranger-too", "Someone else signed, too.", [_note(text, alice, mallory)], none
    yield "signed-in-a-name", "A stranger signed in a person's name.", [_note(text, (ALICE, _STRANGER))], none
    changed = _signed_by(ALICE, text).replace(b"block 3 v3", b"block 4 v4")
    yield "changed-after-signing", "The signature is another text's.", [changed], none
    yield "not-a-note", "The object is not a note.", [b"garbage\n"], none


def _ordered() -> Iterator[tuple[str, str, Notes, HoldCase]]:
    """Statements that are valid alone and can't follow the ones before."""
    for name, about, steps, person, step in (
        ("ask-first", "The case holds nothing that could be released.", [], ALICE, Step.ASK),
        ("ask-twice", "Release was asked for in the statement before.", [ADD, ASK], BOB, Step.ASK),
        ("approve-without-asking", "Nobody asked.", [ADD], BOB, Step.APPROVE),
        ("approve-ones-own", "The person who asked approves.", [ADD, ASK], ALICE, Step.APPROVE),
        ("approve-after-adding", "Blocks were added since it was asked for.", [ADD, ASK, ADD], BOB, Step.APPROVE),
        ("ask-after-release", "The case was released.", [ADD, ASK, APPROVE], ALICE, Step.ASK),
    ):
        case, notes = _after(*steps)
        yield name, about, [*notes, _signed_by(person, case.next(step, 1_790_000_001).text())], case
    case, notes = _after(ADD)
    following = case.next(Step.ASK, 1_790_000_001).text()
    for name, about, before, after in (
        ("other-case", "A statement of another case.", f"case {CASE}", "case CASE-8"),
        ("number-skipped", "Its number is not the next one.", "number 1", "number 2"),
        ("previous-missing", "It does not name the object before.", following.split("\n")[3], "previous -"),
        ("previous-wrong", "It names another object before.", following.split("\n")[3], f"previous {'A' * 43}="),
    ):
        yield name, about, [*notes, _signed_by(ALICE, following.replace(before, after))], case
    replaced, notes = _after((BOB, Step.ADD, (LOG, {3: "v3"})))
    about = "The statement before was replaced by another valid one."
    yield "replaced-before", about, [*notes, _signed_by(ALICE, following)], replaced
