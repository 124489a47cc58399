"""Exit codes: each has one meaning, and each error has one code."""

import pytest

from auditseal_schemas.errors import AuditsealError, ConfigurationError, MalformedError, TrustError, UnavailableError
from auditseal_schemas.exit_codes import ExitCode, exit_code_of
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.verdict import Verdict


def test_no_code_has_two_meanings() -> None:
    codes = [*ExitCode, *(verdict.exit_code for verdict in Verdict), *(halt.exit_code for halt in Halt)]
    assert len(set(codes)) == len(codes)
    assert max(codes) < 256


def test_the_codes_of_ends_without_a_verdict() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "UNUSABLE": 2,
        "REJECTED": 3,
        "PARTIAL": 4,
        "FRAUD": 5,
        "INTERRUPTED": 130,
    }


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("wrong"), 2),
        (TrustError("wrong"), 2),
        (HaltError(Halt.FORK, "two"), 40),
        (UnavailableError("away"), 1),
        (AuditsealError("away"), 1),
        (MalformedError("note", "cut"), 1),
        (OSError("disk"), 1),
        (KeyError("bug"), 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else str(value),
)
def test_each_error_has_one_code(error: Exception, code: int) -> None:
    assert exit_code_of(error) == code
