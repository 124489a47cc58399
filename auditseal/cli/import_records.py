"""`auditseal import`: publishes the audit records of other systems, each once."""

import json
import logging
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from auditseal.cli.emission import Emission
from auditseal.cli.emit import end_of, publish_all
from auditseal.cli.exits import exit_on_errors
from auditseal.cli.import_items import RecordReader
from auditseal.cli.import_state import open_state
from auditseal.cli.interruption import interruption_by_signals
from auditseal.cli.properties_file import read_properties
from auditseal.cli.rejects import open_rejects
from auditseal_importers.formats import RecordFormat
from auditseal_producer import ProducerConfig

_COMMAND = "import"
_ROOM_SECONDS = 1.0

app = typer.Typer()


@app.command(name=_COMMAND)
def import_records(  # noqa: PLR0913  (each is an option)
    record_format: Annotated[RecordFormat, typer.Argument(metavar="FORMAT", help="The format of the records.")],
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Files; .gz is decompressed.")],
    *,
    bootstrap_servers: Annotated[
        str, typer.Option(envvar="AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", help="host:port,... of some brokers.")
    ],
    environment: Annotated[
        str, typer.Option(envvar="AUDITSEAL_ENVIRONMENT", help="The environment in the events' source.")
    ],
    service: Annotated[str, typer.Option(help="The service in the events' source: the cluster, database or host.")],
    state: Annotated[Path, typer.Option(dir_okay=False, help="File that remembers what is imported; made if absent.")],
    topic: Annotated[str, typer.Option(envvar="AUDITSEAL_EVENTS_TOPIC", help="The events topic.")] = "audit.events",
    rejects: Annotated[
        Path | None, typer.Option(help="File that gets what is not published. [default: standard error]")
    ] = None,
    kafka_config: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="name=value lines for librdkafka.")
    ] = None,
    allow_plaintext: Annotated[
        bool, typer.Option("--allow-plaintext", help="Allow unencrypted connections to other machines.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds after which an event without acknowledgement fails.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Publish audit records of other systems, each once.

    FORMAT is cloudtrail, kubernetes, pgaudit, pgaudit-csv, journald or syslog. Each event keeps its record's bytes in
    the attribute original. A run that is repeated, or continues an interrupted one, publishes only what the state file
    doesn't have.

    Exit codes: 0 every record is published or was before; 1 the tool failed or an event got no acknowledgement; 2 usage
    or configuration; 3 records were rejected and all others are published; 130 interrupted.

    Example: auditseal import syslog fw.log --service fw --state fw.state
    """
    logging.getLogger("auditseal_producer").addHandler(logging.NullHandler())  # what it logs is told here, once
    with exit_on_errors(_say), ExitStack() as opened:
        config = ProducerConfig(
            bootstrap_servers=bootstrap_servers,
            service=service,
            environment=environment,
            topic=topic,
            full_wait=_ROOM_SECONDS,
            delivery_timeout=timeout,
            allow_plaintext=allow_plaintext,
            kafka=read_properties(kafka_config) if kafka_config else {},
        )
        read = [(str(file), file.stat()) for file in files]
        if kafka_config is not None:
            read.append(("--kafka-config", kafka_config.stat()))
        emission = Emission(opened.enter_context(open_rejects(rejects, _COMMAND, read)), _COMMAND)
        interruption = opened.enter_context(interruption_by_signals())
        reader = RecordReader(record_format, service, opened.enter_context(open_state(state)))
        begun = monotonic()
        try:
            publish_all(config, reader.items(files, interruption), emission, interruption, reader.state.save)
        finally:
            _summarise(emission, reader, monotonic() - begun, as_json=as_json)
        raise typer.Exit(end_of(emission, interruption, _say))


def _summarise(emission: Emission, reader: RecordReader, seconds: float, *, as_json: bool) -> None:
    counts = {
        "published": emission.published,
        "known": reader.known,
        "skipped": reader.skipped,
        "conflicting": reader.conflicting,
        "rejected": emission.rejected,
        "failed": emission.failed,
    }
    if as_json:
        typer.echo(json.dumps({**counts, "seconds": round(seconds, 3)}))
    else:
        _say(f"{', '.join(f'{count} {outcome}' for outcome, count in counts.items())}; {seconds:.1f} s")


def _say(line: str) -> None:
    typer.echo(f"auditseal {_COMMAND}: {line}", err=True)
