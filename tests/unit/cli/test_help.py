"""Help is plain, fits 80 columns, and holds all that the options' texts say."""

import re

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal.cli.command_table import COMMANDS
from auditseal.cli.lazy_group import LazyCommand
from auditseal_schemas import __version__

NARROW = {"COLUMNS": "80"}


def commands() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = [()]
    for entry in COMMANDS:
        command = LazyCommand(entry).load()
        found += [(entry.name,), *((entry.name, nested) for nested in getattr(command, "commands", {}))]
    return found


@pytest.mark.parametrize("command", commands(), ids=" ".join)
def test_help_is_plain_text_of_80_columns(command: tuple[str, ...]) -> None:
    text = CliRunner().invoke(app, [*command, "--help"], env=NARROW).stdout
    assert text.startswith("Usage: auditseal")
    assert text.isascii()
    assert max(map(len, text.splitlines())) <= 80
    for line in text.splitlines()[1:]:
        assert not line.rstrip().endswith("..."), "a summary is cut off"


@pytest.mark.parametrize("command", [each for each in commands() if each], ids=" ".join)
def test_an_example_stands_in_one_line_to_be_copied(command: tuple[str, ...]) -> None:
    lines = CliRunner().invoke(app, [*command, "--help"], env=NARROW).stdout.splitlines()
    for number, line in enumerate(lines):
        if line.startswith("  Example:"):
            assert not lines[number + 1].strip()


def test_defaults_that_are_told_in_words_are_shown() -> None:
    text = CliRunner().invoke(app, ["verify", "--help"], env=NARROW).stdout
    assert "[default: one for each CPU]" in text


def test_the_version_is_said() -> None:
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.stdout) == (0, f"auditseal {__version__}\n")


@pytest.mark.parametrize("command", commands(), ids=" ".join)
@pytest.mark.parametrize("columns", ["60", "80", "120"])
def test_no_line_is_empty_but_between_paragraphs_and_sections(command: tuple[str, ...], columns: str) -> None:
    text = CliRunner().invoke(app, [*command, "--help"], env={"COLUMNS": columns}).stdout
    prose, *sections = re.split(r"\n\n(?=\w+:\n)", text.rstrip("\n"))
    assert sections
    assert "\n\n\n" not in prose
    assert not [section for section in sections if "\n\n" in section]
