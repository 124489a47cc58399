"""docs/reference/cli.md says what the command says: every subcommand, every exit code."""

import re
from pathlib import Path

from auditseal.cli.command_table import COMMANDS
from auditseal.cli.lazy_group import LazyCommand
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.verdict import Verdict

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
PAGE = (REFERENCE / "cli.md").read_text("utf-8")


def test_every_subcommand_stands_in_the_page_and_no_other() -> None:
    listed = re.findall(r"^\| `auditseal ([\w-]+)", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(entry.name for entry in COMMANDS)


def test_every_subcommand_stands_with_its_extra() -> None:
    listed = dict(re.findall(r"^\| `auditseal ([\w-]+)[^|]*\|[^|]*\| `(\w+)` \|$", PAGE, re.MULTILINE))
    assert listed == {entry.name: entry.extra for entry in COMMANDS}


def test_every_nested_command_stands_in_the_page() -> None:
    for entry in COMMANDS:
        for nested in getattr(LazyCommand(entry).load(), "commands", {}):
            row = next(line for line in PAGE.splitlines() if line.startswith(f"| `auditseal {entry.name}"))
            assert f"{nested}`" in row


def test_every_command_has_an_example() -> None:
    for entry in COMMANDS:
        command = LazyCommand(entry).load()
        for nested in getattr(command, "commands", {entry.name: command}).values():
            assert "Example:" in (nested.help or ""), f"{entry.name} {nested.name}"


def test_every_verdict_stands_with_its_exit_code() -> None:
    listed = dict(re.findall(r"^\| (\d+) \| ([A-Z_]+) \|$", PAGE, re.MULTILINE))
    assert listed == {str(verdict.exit_code): str(verdict) for verdict in Verdict}


def test_every_option_of_verify_is_in_its_page() -> None:
    (entry,) = (entry for entry in COMMANDS if entry.name == "verify")
    options = LazyCommand(entry).load().params
    listed = re.findall(r"^\| `(--[a-z-]+)", (REFERENCE / "verify.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(listed) == sorted(option.opts[0] for option in options)


def test_every_other_exit_code_stands_in_the_page_and_no_other() -> None:
    table = PAGE.partition("## Exit codes\n")[2].partition("verdicts of")[0]
    assert [int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)] == list(ExitCode)
