"""The passphrase of a key: from its file, or asked for at the terminal."""

import warnings
from getpass import GetPassWarning
from pathlib import Path

import typer

from auditseal_daemon.secret_file import read_secret
from auditseal_schemas.errors import ConfigurationError


def read_passphrase(path: Path | None, *, confirm: bool) -> str:
    """Return a key's passphrase, from its file or else from the terminal.

    Raises:
        ConfigurationError: The file can't be read, or there is no terminal.
    """
    if path is None:
        return _ask_passphrase(confirm=confirm)
    return read_secret(path)


def _ask_passphrase(*, confirm: bool) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error", GetPassWarning)  # it would go on, and show what is typed
        try:
            passphrase: str = typer.prompt("Passphrase", hide_input=True, confirmation_prompt=confirm, err=True)
        except GetPassWarning as warning:
            raise ConfigurationError("no terminal to ask for the passphrase: use --passphrase-file") from warning
    return passphrase
