"""A foreseen error ends every command in the same way; any other is a bug and stays one."""

import sys
from functools import partial

import pytest
import typer

from auditseal.cli.exits import exit_on_errors
from auditseal_schemas.errors import AuditsealError, ConfigurationError, TrustError


class OwnError(Exception):
    pass


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("mend it"), 2),
        (TrustError("mend it"), 2),
        (AuditsealError("mend it"), 1),
        (OSError("mend it"), 1),
        (OwnError("mend it"), 1),
    ],
)
def test_the_code_says_who_must_act(error: Exception, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    with (
        pytest.raises(typer.Exit) as ended,
        exit_on_errors(partial(print, "auditseal test:", file=sys.stderr), OwnError),
    ):
        raise error
    assert ended.value.exit_code == code
    assert capsys.readouterr() == ("", "auditseal test: mend it\n")


def test_what_nobody_foresaw_is_no_ending() -> None:
    with pytest.raises(OwnError), exit_on_errors():
        raise OwnError
