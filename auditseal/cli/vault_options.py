"""The common parts of the commands that read a vault: options, sources, and how a failure ends them."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.exits import exit_on_errors
from auditseal_auditor.report_text import printable
from auditseal_schemas.errors import ConfigurationError, MalformedError, VerificationError, quoted
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import Trust

TrustFile = Annotated[
    Path, typer.Option("--trust", exists=True, dir_okay=False, help="The trust file: everything that the check trusts.")
]
VaultUrl = Annotated[
    str | None, typer.Option("--vault", help="s3://bucket/prefix or file:///path. [default: the trust file's]")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@contextmanager
def exit_on_failure(command: str, interrupted: str = "nothing was shown") -> Iterator[None]:
    """End a command with one line on standard error and exit code 1, 2 or 130, or that of the shown block's verdict.

    Args:
        command: The command.
        interrupted: The consequence of Ctrl-C.
    """
    with exit_on_errors(partial(tell, command)):
        try:
            yield
        except VerificationError as error:
            tell(command, str(error))
            raise typer.Exit(error.verdict.exit_code) from error
        except KeyboardInterrupt as interrupt:
            tell(command, f"interrupted: {interrupted}")
            raise typer.Exit(ExitCode.INTERRUPTED) from interrupt


def read_trust(path: Path) -> Trust:
    """Return the trust file.

    Raises:
        TrustError: It can't be relied on.
    """
    return Trust.parse(path.read_bytes())


def parse_origin(text: str) -> Origin:
    """Return the log that an argument names.

    Raises:
        ConfigurationError: It does not name a log.
    """
    try:
        return Origin.parse(text)
    except MalformedError as error:
        raise ConfigurationError(f"{quoted(text)} does not name a log: {error.problem}") from error


def vault_url(given: str | None, trust: Trust) -> str:
    """Return the URL to read: the one that was given, else the trust file's.

    Raises:
        ConfigurationError: Neither names a vault.
    """
    url = given or trust.vault
    if url is None:
        raise ConfigurationError("the trust file has no vault line: use --vault s3://bucket/prefix or file:///path")
    return url


def tell(command: str, line: str) -> None:
    """Print a line on standard error, with control characters escaped."""
    typer.echo(printable(f"auditseal {command}: {line}"), err=True)
