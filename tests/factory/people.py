"""People who sign holds: keys whose seeds are public, and statements that they signed."""

from hashlib import sha256
from typing import Any

from auditseal_schemas.hold_case import HoldCase
from auditseal_schemas.hold_statement import HeldBlock, HoldStatement, Step
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.note import sign_note
from auditseal_schemas.origin import Origin

NAMES = ("alice@example.com", "bob@example.com", "carol@example.com")
SIGNERS = {name: SigningKey.from_seed(sha256(name.encode()).digest()) for name in NAMES}
PEOPLE = tuple(VerifierKey(name, signer.public) for name, signer in SIGNERS.items())
ALICE, BOB, CAROL = NAMES
AT = 1_790_000_000


def signed_by(person: str, statement: HoldStatement) -> bytes:
    """Return a statement as a note that a person signed."""
    return sign_note(statement.text(), person, [SIGNERS[person]]).format()


def add_to(case: HoldCase, person: str, origin: Origin, versions: dict[int, str]) -> bytes:
    """Return the note that adds blocks to a case."""
    blocks = [HeldBlock(height, version) for height, version in sorted(versions.items())]
    return signed_by(person, case.next(Step.ADD, AT, origin, blocks))


def accept_all(name: str, *steps: tuple[str, Step, Any]) -> tuple[HoldCase, list[bytes]]:
    """Return a case after steps, each with its person and for `ADD` the origin and the versions, and its notes."""
    case, notes = HoldCase(name), list[bytes]()
    for person, step, what in steps:
        note = add_to(case, person, *what) if step is Step.ADD else signed_by(person, case.next(step, AT))
        case = case.accept(note, PEOPLE)
        notes.append(note)
    return case, notes
