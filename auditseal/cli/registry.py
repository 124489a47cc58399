"""`auditseal registry`: pins the schemas of a schema registry in a trust file."""

from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.properties_file import read_properties
from auditseal.cli.registry_client import RegisteredVersion, RegistryClient
from auditseal.cli.vault_options import exit_on_failure, tell
from auditseal_schemas.errors import ConfigurationError, MalformedError, quoted
from auditseal_schemas.exit_codes import ExitCode
from auditseal_schemas.origin import Origin
from auditseal_schemas.registry_schema import PinnedSchema, event_schema_sha256

app = typer.Typer(name="registry", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Pin the schemas of a schema registry in a trust file."""


@app.command()
def pin(
    topic: Annotated[str, typer.Argument(help="The topic, as origins name it: <cluster>/<topic>.")],
    url: Annotated[str, typer.Option("--url", help="The registry, such as https://registry.example.com:8081.")],
    subject: Annotated[str | None, typer.Option(help="The subject of its values. [default: <topic>-value]")] = None,
    config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="name=value lines of confluent-kafka's registry client."),
    ] = None,
) -> None:
    """Print the trust lines that pin a topic's schemas in a schema registry.

    The registry is a Confluent Schema Registry, or answers as it does. The lines say which schema ids mean an audit
    event. Put them into the trust file: then `show`, `search`, `index` and others read records that name their schema
    by such an id. They never ask the registry.

    Exit codes: 0 all versions of the subject are audit events; 1 the registry can't be reached; 2 usage, settings,
    credentials, or no such subject; 3 some versions are not audit events, and have no line.

    Example: auditseal registry pin eu.example/audit --url https://sr.example
    """
    with exit_on_failure("registry pin"):
        log = _first_log(topic)
        settings = read_properties(config) if config else {}
        refused = False
        with RegistryClient(url, settings) as client:
            for version in client.versions(subject or f"{log.topic}-value"):
                try:
                    lines = _lines(topic, version)
                except MalformedError as error:
                    refused = True
                    tell(
                        "registry pin", f"version {version.version}, schema {version.ids}: {error.problem}: not pinned"
                    )
                else:
                    typer.echo(lines)
    raise typer.Exit(ExitCode.REJECTED if refused else ExitCode.OK)


def _first_log(topic: str) -> Origin:
    try:
        return Origin.parse(f"{topic}/0/0")
    except MalformedError as error:
        raise ConfigurationError(f"{quoted(topic)} is not <cluster>/<topic>: {error.problem}") from error


def _lines(topic: str, version: RegisteredVersion) -> str:
    """Return the trust lines of a version, one for each of its ids.

    Raises:
        MalformedError: Its schema is not one of the audit event, or an id is not one.
    """
    if version.text is None:
        raise MalformedError("schema", "it is not a schema of Avro, or it refers to others")
    if not version.ids:
        raise MalformedError("schema.id", "the registry gives no id")
    digest = event_schema_sha256(version.text)
    return "\n".join(PinnedSchema.parse(each, digest).line(topic) for each in version.ids)
