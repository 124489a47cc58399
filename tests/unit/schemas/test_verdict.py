"""Verdicts, halts and errors: what a caller or a runbook may rely on."""

import pytest

from auditseal_schemas.errors import AuditsealError, EventError, MalformedError, TrustError, VerificationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.verdict import Verdict


def test_exit_codes_are_fixed() -> None:
    """Scripts branch on them: a new verdict is appended, and none ever changes."""
    assert {verdict.name: verdict.exit_code for verdict in Verdict} == {
        "MALFORMED": 10,
        "SQUATTED": 11,
        "BAD_STORAGE": 12,
        "STALE": 13,
        "TRUNCATED": 14,
        "MISSING_LOG": 15,
        "BROKEN_CHAIN": 16,
        "BAD_RECORD": 17,
        "BAD_ROOT": 18,
        "BAD_KEY": 19,
        "BAD_SIGNATURE": 20,
        "FORK": 21,
    }


def test_every_halt_has_its_own_code_and_runbook() -> None:
    codes = [halt.exit_code for halt in Halt]
    assert len(set(codes)) == len({halt.runbook for halt in Halt}) == len(Halt)
    assert not set(codes) & {verdict.exit_code for verdict in Verdict}
    assert all(40 <= code < 64 for code in codes)


def test_a_halt_names_its_runbook() -> None:
    error = HaltError(Halt.LOG_RECREATED, "the topic's id changed")
    assert str(error) == "LOG_RECREATED: the topic's id changed (runbook: log-recreated)"
    assert (error.halt, error.halt.exit_code, error.halt.runbook) == (Halt.LOG_RECREATED, 44, "log-recreated")


def test_errors_say_what_and_where() -> None:
    found = VerificationError(Verdict.BAD_RECORD, "record.value", "it was changed", offset=7)
    assert str(found) == "BAD_RECORD: record.value at offset 7: it was changed"
    assert (found.verdict, found.field, found.offset, found.problem) == (
        Verdict.BAD_RECORD,
        "record.value",
        7,
        "it was changed",
    )
    assert str(MalformedError("note", "it is cut")) == "MALFORMED: note: it is cut"
    assert str(EventError("actor.id", "is empty")) == "actor.id: is empty"
    assert str(EventError("", "is too large")) == "is too large"


@pytest.mark.parametrize("kind", [EventError, HaltError, MalformedError, TrustError, VerificationError])
def test_all_errors_have_one_root(kind: type[Exception]) -> None:
    assert issubclass(kind, AuditsealError)
