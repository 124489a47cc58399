"""A group whose commands load their modules only when they run, and which names the extra of a missing library.

The help and shell completion of the group itself are made from the table, so they import no command's libraries. Types
of Typer's own copy of click are `Any` here, since it is private.
"""

from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_group

from auditseal.cli.command_table import COMMANDS, CommandEntry
from auditseal_schemas.exit_codes import ExitCode

STYLE: dict[str, Any] = {
    "rich_markup_mode": None,  # plain help: it can be piped, and words in brackets are not markup
    "pretty_exceptions_enable": False,
}
"""What all groups and commands have in common."""


class LazyCommand(TyperCommand):
    """A subcommand as the table names it; its module is imported when its arguments are parsed."""

    def __init__(self, entry: CommandEntry) -> None:
        """Take the table's entry; import nothing."""
        super().__init__(name=entry.name, help=entry.help, rich_markup_mode=None)
        self.entry = entry

    def load(self) -> Any:
        """Import the module and return the command or group that it defines.

        Raises:
            ModuleNotFoundError: A library of the entry's extra is not installed.
        """
        parent = typer.Typer(**STYLE)
        parent.add_typer(import_module(f"auditseal.cli.{self.entry.module}").app, help=self.entry.help)
        return get_group(parent).commands[self.entry.name]

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Parse the arguments by the loaded command, which the context then belongs to.

        Completion in a shell offers nothing if the extra is missing.
        """
        try:
            command = self.load()
        except ModuleNotFoundError:
            if extra.get("resilient_parsing"):
                return super().make_context(info_name, args, parent, **extra)
            raise
        return command.make_context(info_name, args, parent, **extra)


class CommandGroup(TyperGroup):
    """The group `auditseal`: the table's commands."""

    def __init__(self, **settings: Any) -> None:
        """Take what Typer sets, with the table's commands in place of registered ones."""
        super().__init__(**settings | {"commands": {entry.name: LazyCommand(entry) for entry in COMMANDS}})

    def invoke(self, ctx: Any) -> Any:
        """Run the subcommand; a library that is missing ends it with one line and exit code 2."""
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as missing:
            command = self.commands.get(ctx.invoked_subcommand or "")
            library = (missing.name or "").partition(".")[0]
            if not isinstance(command, LazyCommand) or library.startswith("auditseal"):
                raise
            typer.echo(missing_extra(f"auditseal {command.name}", library, command.entry.extra), err=True)
            raise typer.Exit(ExitCode.UNUSABLE) from missing


def missing_extra(command: str, library: str, extra: str) -> str:
    """Say which library a command lacks and how to install it."""
    return f"{command}: the library {library} is not installed. Run: pip install 'auditseal[{extra}]'"
