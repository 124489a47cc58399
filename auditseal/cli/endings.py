"""How a command ends that can't do its work: the exit codes that all share, and its reason on standard error."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

from auditseal_schemas.errors import AuditsealError, ConfigurationError, TrustError

FAILED, UNUSABLE, INTERRUPTED = 1, 2, 130


def _tell(line: str) -> None:
    typer.echo(line, err=True)


@contextmanager
def ended_by_errors(tell: Callable[[str], None] = _tell, *failures: type[Exception]) -> Iterator[None]:
    """Turn errors that were foreseen into an exit code: 2 what the caller must mend, 1 any other.

    Args:
        tell: Prints the error's text on standard error.
        failures: Further errors that end the command with 1.
    """
    foreseen: tuple[type[Exception], ...] = (AuditsealError, OSError, *failures)
    try:
        yield
    except (ConfigurationError, TrustError) as error:
        tell(str(error))
        raise typer.Exit(UNUSABLE) from error
    except foreseen as error:
        tell(str(error))
        raise typer.Exit(FAILED) from error
