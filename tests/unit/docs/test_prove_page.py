"""The commands of docs/how-to/prove.md about completeness run from top to bottom, on a vault of the demo's events."""

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from tests.unit.search.test_search_command import BLOCKS, Place

PAGE = Path(__file__).parents[3] / "docs" / "how-to" / "prove.md"


def commands() -> list[list[str]]:
    section = PAGE.read_text("utf-8").partition("## Prove that these are all\n")[2].partition("\nFor many events")[0]
    return [shlex.split(line.strip()) for line in section.splitlines() if line.startswith("    auditseal ")]


def test_the_section_about_completeness_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = Place(tmp_path)
    place.put(BLOCKS)
    place.trust.write_text(f"{place.trust.read_text()}vault {place.vault.as_uri()}\n")
    (tmp_path / "passphrase").write_text("correct horse\n")
    (tmp_path / "passphrase").chmod(0o600)
    monkeypatch.chdir(tmp_path)
    done = []
    for program, *words in commands():
        assert program == "auditseal"
        done.append(CliRunner().invoke(app, words))
        assert done[-1].exit_code == 0, done[-1].output
        if words[:2] == ["index", "keygen"]:
            place.trust.write_text(place.trust.read_text() + done[-1].stdout)
    assert len(done) == 5
    assert done[3].stdout.startswith("OK: there is no record with actor.id = u-1842, in 1 log up to this head")
    assert "the index signed what the blocks make" in done[4].stdout
