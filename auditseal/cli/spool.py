"""`auditseal spool`: what a producer's spool holds, and ways out of it without the service."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from auditseal.cli.exits import exit_on_errors
from auditseal.cli.properties_file import read_properties
from auditseal_producer import AuditProducer, ProducerConfig
from auditseal_producer.encoded_file import write_encoded
from auditseal_producer.spool_database import SpooledEvent
from auditseal_producer.spool_reading import Damage, read_status, salvage
from auditseal_schemas.exit_codes import ExitCode

app = typer.Typer(name="spool", no_args_is_help=True)

SpoolPath = Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The spool's file.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def status(path: SpoolPath, *, as_json: Json = False) -> None:
    """Show what a spool holds, also while a service uses it.

    Each event is read and checked.

    Exit codes: 0 shown; 1 it can't be read, is damaged, or isn't a spool; 2 usage.

    Example: auditseal spool status /var/lib/billing/audit.spool
    """
    with exit_on_errors(_say):
        found = read_status(path)
        oldest = None if found.oldest is None else found.oldest.isoformat()
        if as_json:
            typer.echo(json.dumps({**found._asdict(), "oldest": oldest}))
            return
        typer.echo(f"events    {found.events} of {found.bytes} bytes wait for the brokers")
        typer.echo(f"oldest    {oldest or 'none'}")
        typer.echo(f"stream    {found.stream_id}, {found.accepted} events accepted so far")
        typer.echo(f"used by   {'no process' if found.holder is None else f'process {found.holder}'}")
        typer.echo(f"on disk   {found.file_bytes} bytes")


@app.command()
def drain(
    path: SpoolPath,
    *,
    bootstrap_servers: Annotated[
        str, typer.Option(envvar="AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", help="host:port,... of some brokers.")
    ],
    topic: Annotated[str, typer.Option(envvar="AUDITSEAL_EVENTS_TOPIC", help="The events topic.")] = "audit.events",
    kafka_config: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="name=value lines for librdkafka, as for auditseal emit."),
    ] = None,
    allow_plaintext: Annotated[
        bool, typer.Option("--allow-plaintext", help="Allow unencrypted connections to other machines.")
    ] = False,
    timeout: Annotated[float, typer.Option(min=0, help="Seconds to wait until the brokers have all events.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Publish what a spool holds, for a service that doesn't run any more.

    Events keep their ids, times, source, stream and order. Those that aren't acknowledged in time stay in the spool.

    Exit codes: 0 the spool is empty; 1 events remain in it, a process uses it, or it is damaged; 2 usage or
    configuration.

    Example: auditseal spool drain --bootstrap-servers 127.0.0.1:9092 audit.spool
    """
    with exit_on_errors(_say):
        config = ProducerConfig(
            bootstrap_servers=bootstrap_servers,
            service="auditseal-spool",
            environment="drain",  # never used: each event has its own
            topic=topic,
            spool=path,
            close_timeout=0,
            allow_plaintext=allow_plaintext,
            kafka=read_properties(kafka_config) if kafka_config else {},
        )
        with AuditProducer(config) as producer:
            producer.flush(timeout)
            published = producer.counts.acknowledged
    typer.echo(json.dumps({"topic": topic, "published": published}) if as_json else f"{published} published to {topic}")


@app.command()
def export(
    path: SpoolPath,
    file: Annotated[Path, typer.Argument(dir_okay=False, help="The new file; it must not exist.")],
    *,
    as_json: Json = False,
) -> None:
    """Copy a spool's events to a file for `auditseal emit --encoded`.

    The spool stays as it is. Of a damaged spool, each event that is intact is copied, and each other position is
    reported.

    Exit codes: 0 all events are copied; 1 the spool or the file can't be used; 2 usage; 3 some events are damaged, and
    all others are copied.

    Example: auditseal spool export audit.spool events.bin
    """
    with exit_on_errors(_say):
        damaged: list[Damage] = []
        copied = write_encoded(file, _events(salvage(path), damaged))
    for damage in damaged:
        _say(f"position {damage.position}: {damage.problem}")
    if as_json:
        typer.echo(json.dumps({"copied": copied, "damaged": [damage.position for damage in damaged]}))
    else:
        typer.echo(f"{copied} events copied to {file}, {len(damaged)} damaged")
    raise typer.Exit(ExitCode.REJECTED if damaged else ExitCode.OK)


def _events(found: Iterable[SpooledEvent | Damage], damaged: list[Damage]) -> Iterator[bytes]:
    for each in found:
        if isinstance(each, Damage):
            damaged.append(each)
        else:
            yield each.event.encoded


def _say(line: str) -> None:
    typer.echo(f"auditseal spool: {line}", err=True)
