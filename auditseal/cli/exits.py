"""The end of a command on a foreseen error: one line on standard error, and the error's exit code."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from auditseal_schemas.errors import AuditsealError
from auditseal_schemas.exit_codes import exit_code_of


def _print_error(line: str) -> None:
    typer.echo(line, err=True)


@contextmanager
def exit_on_errors(tell: Callable[[str], None] = _print_error, *failures: type[Exception]) -> Iterator[None]:
    """End the command with an error's exit code if the block raises a foreseen error.

    A closed pipe is left to Typer, which ends the command silently and with exit code 1: the reader of the output
    has had enough.

    Args:
        tell: Prints the error's text on standard error.
        failures: Further errors that are foreseen, each with code 1.
    """
    foreseen: tuple[type[Exception], ...] = (AuditsealError, OSError, *failures)
    try:
        yield
    except BrokenPipeError:
        raise
    except foreseen as error:
        tell(str(error))
        raise typer.Exit(exit_code_of(error)) from error
