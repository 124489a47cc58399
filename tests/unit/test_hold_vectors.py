"""The golden cases of legal holds: two readers, of which one was written from the page alone, say the same of each."""

import json
from typing import Any

import pytest

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.hold_case import HoldCase
from auditseal_schemas.key import VerifierKey
from tests.oracle import holds
from tests.oracle.reader import Refused
from tests.vectors.holds import NAME
from tests.vectors.make import FOLDER

FILE = json.loads((FOLDER / NAME).read_text("utf-8"))
PEOPLE = [VerifierKey.parse(key) for key in FILE["people"]]


def by_name(vector: dict[str, Any]) -> str:
    return str(vector["name"])


@pytest.mark.parametrize("vector", FILE["cases"], ids=by_name)
def test_the_statements_up_to_the_first_that_is_not_valid_count(vector: dict[str, Any]) -> None:
    notes = [note.encode() for note in vector["notes"]]
    case = HoldCase(vector["case"])
    for note in notes[: vector["valid"]]:
        case = case.accept(note, PEOPLE)
    state = "released" if case.is_released else "asked" if case.asked_by else "held"
    held = {str(log): {str(height): each for height, each in blocks.items()} for log, blocks in case.blocks.items()}
    assert (state, held) == (vector["state"], vector["holds"])
    assert len(notes) - vector["valid"] in {0, 1}
    for note in notes[vector["valid"] :]:
        with pytest.raises(VerificationError):
            case.accept(note, PEOPLE)


@pytest.mark.parametrize("vector", FILE["cases"], ids=by_name)
def test_the_second_reader_says_the_same(vector: dict[str, Any]) -> None:
    notes = [note.encode() for note in vector["notes"]]
    case = holds.Case()
    for note in notes[: vector["valid"]]:
        case.take(vector["case"], note, FILE["people"])
    assert (case.valid, case.state, case.holds) == (vector["valid"], vector["state"], vector["holds"])
    for note in notes[vector["valid"] :]:
        with pytest.raises(Refused):
            case.take(vector["case"], note, FILE["people"])
