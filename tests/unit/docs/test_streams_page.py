"""The commands of docs/how-to/streams.md run from top to bottom, on a vault of the demo's events."""

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.exit_codes import ExitCode
from tests.unit.search.test_search_command import BLOCKS, Place

PAGE = (Path(__file__).parents[3] / "docs" / "how-to" / "streams.md").read_text("utf-8")
COMMANDS = re.findall(r"^\$ auditseal (.*)$", PAGE, re.MULTILINE)


def test_the_commands_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path)
    place.put(BLOCKS)
    place.trust.write_text(f"{place.trust.read_text()}vault {place.vault.as_uri()}\n")
    monkeypatch.chdir(tmp_path)
    done = []
    for command in COMMANDS:
        words = shlex.split(command.replace("file:///mnt/vault", place.vault.as_uri()))
        done.append(CliRunner().invoke(app, words, input="correct horse\n" * 2))  # the passphrase, twice for a new key
        if words[:2] == ["index", "keygen"]:
            place.trust.write_text(place.trust.read_text() + done[-1].stdout)
    unexpected = 2
    codes = [ExitCode.OK] * len(COMMANDS)
    codes[unexpected] = ExitCode.REJECTED
    assert [one.exit_code for one in done] == codes
    assert len(done) == 6
    assert re.search(r"^UNCLOSED since \S+  billing  s-billing  0\.\.79$", done[0].stdout, re.MULTILINE)
    assert "UNEXPECTED; UNCLOSED" in done[unexpected].stdout
    assert "SILENT  service billing" in done[unexpected].output
    assert "the vault makes the same certificate" in done[-1].output
