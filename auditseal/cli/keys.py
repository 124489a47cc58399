"""`auditseal keys`: makes a log's signing key, and prints the trust lines that auditors pin."""

import json
import warnings
from getpass import GetPassWarning
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.exits import exit_on_errors
from auditseal_daemon.secret_file import read_secret
from auditseal_schemas.errors import ConfigurationError, VerificationError
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_sealer.key_file import load_key, store_key

app = typer.Typer(name="keys", no_args_is_help=True)

KeyFile = Annotated[Path, typer.Argument(help="The key: an encrypted PEM, mode 0600.")]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="A file that holds only the passphrase. [default: ask for it]")
]
Cluster = Annotated[str, typer.Option("--cluster", envvar="AUDITSEAL_CLUSTER", help="The cluster's name in origins.")]
Topic = Annotated[str, typer.Option("--topic", envvar="AUDITSEAL_EVENTS_TOPIC", help="The events topic.")]
Partitions = Annotated[int, typer.Option("--partitions", min=1, help="Its partitions: one log each.")]
Run = Annotated[int, typer.Option("--run", min=0, help="The run of the logs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def new(  # noqa: PLR0917  (typer passes them by name)
    key_file: KeyFile,
    cluster: Cluster,
    partitions: Partitions,
    topic: Topic = "audit.events",
    run: Run = 0,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Make a signing key, and print its trust lines. An existing file is never overwritten.

    Example: auditseal keys new sealer.pem --cluster example.com --partitions 6
    """
    with exit_on_errors():
        origins = _origins(cluster, topic, partitions, run)
        key = SigningKey.generate()
        store_key(key_file, key, read_passphrase(passphrase_file, confirm=True))
    _print(key, origins, as_json=as_json)


@app.command()
def show(  # noqa: PLR0917
    key_file: KeyFile,
    cluster: Cluster,
    partitions: Partitions,
    topic: Topic = "audit.events",
    run: Run = 0,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Print the trust lines of a signing key, one for each log.

    Example: auditseal keys show sealer.pem --cluster example.com --partitions 6
    """
    with exit_on_errors():
        origins = _origins(cluster, topic, partitions, run)
        key = load_key(key_file, read_passphrase(passphrase_file, confirm=False))
    _print(key, origins, as_json=as_json)


def _origins(cluster: str, topic: str, partitions: int, run: int) -> list[Origin]:
    try:
        return [Origin(cluster, topic, partition, run) for partition in range(partitions)]
    except VerificationError as error:
        raise ConfigurationError(f"these do not make an origin: {error}") from error


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


def _print(key: SigningKey, origins: list[Origin], *, as_json: bool) -> None:
    vkeys = {str(origin): str(VerifierKey(str(origin), key.public)) for origin in origins}
    if as_json:
        typer.echo(json.dumps({"logs": [{"origin": origin, "vkey": vkey} for origin, vkey in vkeys.items()]}))
        return
    for vkey in vkeys.values():
        typer.echo(f"log {vkey}")
