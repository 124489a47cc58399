"""docs/reference/cli.md says what the command says: every subcommand, every exit code."""

import re
from pathlib import Path

from typer.main import get_command

from auditseal.cli import app
from auditseal_schemas.verdict import Verdict

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "cli.md").read_text("utf-8")


def test_every_subcommand_stands_in_the_page_and_no_other() -> None:
    group = get_command(app)
    listed = re.findall(r"^\| `auditseal (\w+)", PAGE, re.MULTILINE)
    assert sorted(listed) == sorted(group.commands)  # type: ignore[attr-defined]


def test_every_nested_command_stands_in_the_page() -> None:
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        for nested in getattr(command, "commands", {}):
            row = next(line for line in PAGE.splitlines() if line.startswith(f"| `auditseal {name}"))
            assert f"{nested}`" in row


def test_every_command_has_an_example() -> None:
    for name, command in get_command(app).commands.items():  # type: ignore[attr-defined]
        for nested in getattr(command, "commands", {name: command}).values():
            assert "Example:" in (nested.help or ""), f"{name} {nested.name}"


def test_every_verdict_stands_with_its_exit_code() -> None:
    listed = dict(re.findall(r"^\| (\d+) \| ([A-Z_]+) \|$", PAGE, re.MULTILINE))
    assert listed == {str(verdict.exit_code): str(verdict) for verdict in Verdict}
