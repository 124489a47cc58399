"""`auditseal keys`: makes a log's signing key, prints the trust lines that auditors pin, and changes keys."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
from confluent_kafka import Consumer
from prometheus_client import CollectorRegistry

from auditseal.cli.exits import exit_on_errors
from auditseal.cli.passphrase import read_passphrase
from auditseal.cli.sealer import make_context
from auditseal.cli.signer import open_signers
from auditseal.settings import load_settings
from auditseal.settings_sealer import SealerSettings
from auditseal_daemon.kafka_client import settings as client_settings
from auditseal_schemas.errors import ConfigurationError, VerificationError
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.public_key import ED25519, ML_DSA_44
from auditseal_sealer.block_producer import BlockProducer
from auditseal_sealer.hooks import Hooks, NoHooks
from auditseal_sealer.key_file import load_key, store_key
from auditseal_sealer.key_rotation import KeyRotation, look_at_rotation, rotate_log, try_signer
from auditseal_sealer.metrics import SealerMetrics
from auditseal_sealer.signers.open_key import open_key
from auditseal_sealer.signers.signer_uri import parse_signer_uri
from auditseal_sealer.watch import inspect_topics

app = typer.Typer(name="keys", no_args_is_help=True)

_SIGNER_SECONDS = 10.0

Key = Annotated[
    str, typer.Argument(metavar="KEY", help="The key: a file, which is an encrypted PEM; or the URI of a signer.")
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        help="A file that holds only the passphrase. For a signer: the PIN of its token, or the token of OpenBao."
        " [default: ask for it, for a file]",
    ),
]
Cluster = Annotated[str, typer.Option("--cluster", envvar="AUDITSEAL_CLUSTER", help="The cluster's name in origins.")]
Topic = Annotated[str, typer.Option("--topic", envvar="AUDITSEAL_EVENTS_TOPIC", help="The events topic.")]
Partitions = Annotated[int, typer.Option("--partitions", min=1, help="Its partitions: one log each.")]
Run = Annotated[int, typer.Option("--run", min=0, help="The run of the logs.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


class KeyAlgorithm(StrEnum):
    """The algorithms of signing keys, as the command names them."""

    ED25519 = "ed25519"
    ML_DSA_44 = "ml-dsa-44"

    @property
    def type_byte(self) -> bytes:
        """The byte of the algorithm in verifier keys."""
        return {KeyAlgorithm.ED25519: ED25519, KeyAlgorithm.ML_DSA_44: ML_DSA_44}[self]


@app.command()
def new(  # noqa: PLR0917  (typer passes them by name)
    key: Key,
    cluster: Cluster,
    partitions: Partitions,
    topic: Topic = "audit.events",
    run: Run = 0,
    passphrase_file: PassphraseFile = None,
    algorithm: Annotated[KeyAlgorithm, typer.Option("--algorithm", help="Of a key in a file.")] = KeyAlgorithm.ED25519,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Make a signing key, and print its trust lines. An existing key is never overwritten.

    For the URI of a signer the key is made there, and never leaves it.

    Example: auditseal keys new sealer.pem --cluster example.com --partitions 6
    """
    with exit_on_errors():
        origins = _origins(cluster, topic, partitions, run)
        public = _make_key(key, algorithm, passphrase_file)
    _print(public, origins, as_json=as_json)


@app.command()
def show(  # noqa: PLR0917
    key: Key,
    cluster: Cluster,
    partitions: Partitions,
    topic: Topic = "audit.events",
    run: Run = 0,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Print the trust lines of a signing key, one for each log. A signer is asked for its public key.

    Example: auditseal keys show sealer.pem --cluster example.com --partitions 6
    """
    with exit_on_errors():
        origins = _origins(cluster, topic, partitions, run)
        public = _read_public_key(key, passphrase_file)
    _print(public, origins, as_json=as_json)


@app.command()
def rotate(
    config: Annotated[Path | None, typer.Option("--config", help="The sealers' TOML file.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Try the keys, show the logs, and write nothing.")] = False,  # noqa: FBT002
    as_json: Json = False,  # noqa: FBT002
) -> None:
    """Announce the next keys in every log of the events topic.

    The next key is sealer.next_key_file or sealer.next_signer, and the next second key sealer.next_second_key_file.
    A key without a next one stays. In each log one signed block announces the keys, and the next block is signed by
    them. A log that is done is left alone, so after an interruption the same command does the rest. Sealers that run
    need all keys.

    Exit codes: 0 done, 1 Kafka, the vault or a signer does not answer, 2 usage or configuration, from 40 on a log
    can't continue.

    Example: auditseal keys rotate --config auditseal.toml --dry-run
    """
    with exit_on_errors():
        rotations = rotate_keys(load_settings(SealerSettings, config), dry_run=dry_run)
        for rotation in rotations:
            typer.echo(json.dumps(_rotation_to_json(rotation)) if as_json else _rotation_line(rotation))


def rotate_keys(settings: SealerSettings, *, dry_run: bool, hooks: Hooks | None = None) -> Iterator[KeyRotation]:
    """Announce the next keys in each log and yield the outcome; with `dry_run`, only look.

    Raises:
        ConfigurationError, HaltError, UnavailableError, FencedError: As `rotate_log`.
    """
    config = settings.config(genesis_allowed=False)
    signers = open_signers(settings.sealer).signers
    context = make_context(settings, config, signers, SealerMetrics(CollectorRegistry()), hooks or NoHooks())
    if not signers.following:
        raise ConfigurationError("sealer.next_key_file is not set: make a key with `auditseal keys new`, name it")
    for signer, name in (
        (signers.first, "sealer.key_file" if settings.sealer.key_file else "sealer.signer"),
        (signers.second, "sealer.second_key_file"),
        (signers.next_first, "sealer.next_key_file" if settings.sealer.next_key_file else "sealer.next_signer"),
        (signers.next_second, "sealer.next_second_key_file"),
    ):
        if signer:
            try_signer(signer, name)
    events, _ = inspect_topics(context.cluster, config)
    consumer = Consumer(client_settings(config.client, group_id=config.group))
    try:
        with BlockProducer(context, consumer.consumer_group_metadata) as blocks:
            for number in range(events.partitions):
                origin = config.origin(number)
                yield look_at_rotation(context, origin) if dry_run else rotate_log(context, origin, blocks)
    finally:
        consumer.close()


def _rotation_line(rotation: KeyRotation) -> str:
    ids = [key.key_id.hex() for key in rotation.next_keys]
    signs = f"{' and '.join(ids)} {'signs' if len(ids) == 1 else 'sign'} from block {rotation.height} on"
    return f"{rotation.origin}: {signs}" if rotation.is_announced else f"{rotation.origin}: would be announced, {signs}"


def _rotation_to_json(rotation: KeyRotation) -> dict[str, object]:
    return {
        "origin": str(rotation.origin),
        "next_keys": list(map(str, rotation.next_keys)),
        "height": rotation.height,
        "announced": rotation.is_announced,
    }


def _origins(cluster: str, topic: str, partitions: int, run: int) -> list[Origin]:
    try:
        return [Origin(cluster, topic, partition, run) for partition in range(partitions)]
    except VerificationError as error:
        raise ConfigurationError(f"these do not make an origin: {error}") from error


def _make_key(key: str, algorithm: KeyAlgorithm, secret_file: Path | None) -> bytes:
    """Make a key in a file, or at the signer that a URI names; return type ‖ public key."""
    if not urlsplit(key).scheme:
        made = SigningKey.generate(algorithm.type_byte)
        store_key(Path(key), made, read_passphrase(secret_file, confirm=True))
        return made.algorithm + made.public
    if algorithm is not KeyAlgorithm.ED25519:
        raise ConfigurationError(f"signers make Ed25519 keys only: name a file for a key of {algorithm.value}")
    external = open_key(parse_signer_uri(key), secret_file, _SIGNER_SECONDS)
    external.generate()
    return ED25519 + external.fetch_public()


def _read_public_key(key: str, secret_file: Path | None) -> bytes:
    """Return type ‖ public key of a key in a file, or at the signer that a URI names."""
    if not urlsplit(key).scheme:
        read = load_key(Path(key), read_passphrase(secret_file, confirm=False))
        return read.algorithm + read.public
    return ED25519 + open_key(parse_signer_uri(key), secret_file, _SIGNER_SECONDS).fetch_public()


def _print(blob: bytes, origins: list[Origin], *, as_json: bool) -> None:
    vkeys = {str(origin): str(VerifierKey.from_blob(str(origin), blob)) for origin in origins}
    if as_json:
        typer.echo(json.dumps({"logs": [{"origin": origin, "vkey": vkey} for origin, vkey in vkeys.items()]}))
        return
    for vkey in vkeys.values():
        typer.echo(f"log {vkey}")
