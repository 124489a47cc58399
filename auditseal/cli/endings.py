"""How a command ends that can't do its work: the exit codes that all share, and its reason on standard error."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from auditseal_schemas.errors import AuditsealError, ConfigurationError, TrustError

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130


@contextmanager
def ended_by_errors(teller: str = "", *failures: type[Exception]) -> Iterator[None]:
    """Turn errors that were foreseen into an exit code: 2 what the caller must mend, 1 any other.

    Args:
        teller: What stands before the error's text, such as `auditseal emit: `.
        failures: Further errors that end the command with 1.
    """
    foreseen: tuple[type[Exception], ...] = (AuditsealError, OSError, *failures)
    try:
        yield
    except (ConfigurationError, TrustError) as error:
        typer.echo(f"{teller}{error}", err=True)
        raise typer.Exit(UNUSABLE) from error
    except foreseen as error:
        typer.echo(f"{teller}{error}", err=True)
        raise typer.Exit(FAILED) from error
