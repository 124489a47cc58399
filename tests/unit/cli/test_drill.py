"""`auditseal drill` where there is no store to attack."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, result.output


def test_a_drill_of_a_directory_says_that_it_is_no_worm(tmp_path: Path) -> None:
    assert invoke("drill", "--vault", tmp_path.as_uri()) == (
        0,
        "a directory shows tampering but is not WORM: anyone who may write to it may delete from it\n",
    )
    code, output = invoke("drill", "--vault", tmp_path.as_uri(), "--json")
    assert (code, '"enforces_worm": false' in output) == (0, True)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("nonsense", 2),
        ("file:///no/vault", 1),
        ("http://bucket", 2),
        ("s3://bucket?endpoint=http://127.0.0.1:9&region=us-east-1", 1),
    ],
)
def test_a_drill_that_can_not_be_held(url: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    assert invoke("drill", "--vault", url)[0] == code
