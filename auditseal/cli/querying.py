"""What the commands that take a filter have in common: reading it, and showing where it is wrong."""

from datetime import UTC, datetime

import typer

from auditseal.cli.vault_options import tell
from auditseal_schemas.exit_codes import ExitCode
from auditseal_search.errors import QueryError
from auditseal_search.query import Condition, parse_query


def read_query(command: str, text: str) -> Condition:
    """Return a filter; one with a mistake ends the command with code 2, and its place is marked on the terminal."""
    try:
        return parse_query(text, datetime.now(UTC))
    except QueryError as error:
        for line in str(error).splitlines():
            tell(command, line)
        raise typer.Exit(ExitCode.UNUSABLE) from error
