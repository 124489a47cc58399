"""`auditseal emit`: publishes events from JSON lines, and counts the outcome of each."""

import json
import logging
import sys
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Annotated, BinaryIO, TextIO

import typer

from auditseal.cli.event_lines import Line, parse_line, read_lines
from auditseal.cli.exits import exit_on_errors
from auditseal.cli.status_line import status_line
from auditseal_producer import AuditProducer, PendingReceipt, ProducerConfig, UndeliveredError
from auditseal_schemas.errors import ConfigurationError, EventError
from auditseal_schemas.exit_codes import ExitCode

_BROKER_SECONDS = 10.0
_LAST_SECONDS = 5.0  # after Ctrl-C, for acknowledgements that are on their way
_EVERY = 1_000  # lines between two looks at what came back

app = typer.Typer()


class Emission:
    """The counts of lines by their outcome so far."""

    def __init__(self, rejects: TextIO | None) -> None:
        self.published = self.rejected = self.failed = self.line = 0
        self._rejects = rejects
        self._done: SimpleQueue[tuple[Line, PendingReceipt]] = SimpleQueue()

    def publish(self, producer: AuditProducer, line: Line) -> None:
        """Record a line's event; reject a line that is not an event."""
        self.line = line.number
        try:
            pending = producer.record(**parse_line(line.text))
        except EventError as error:
            self.rejected += 1
            self._tell(line, str(error))
            return
        pending.add_done_callback(partial(self._put, line, pending))

    def collect(self) -> None:
        """Count what came back from the brokers since the last time."""
        while True:
            try:
                line, pending = self._done.get_nowait()
            except Empty:
                return
            error = pending.exception()
            if error is None:
                self.published += 1
            else:
                self.failed += 1
                self._tell(line, str(error))

    @property
    def exit_code(self) -> ExitCode:
        """The command's exit code, unless it was interrupted."""
        if self.failed:
            return ExitCode.FAILED
        return ExitCode.REJECTED if self.rejected else ExitCode.OK

    def _put(self, line: Line, pending: PendingReceipt, _: object) -> None:
        self._done.put((line, pending))

    def _tell(self, line: Line, reason: str) -> None:
        if self._rejects is None:
            _say(f"line {line.number}: {reason.encode('unicode_escape').decode()}")
            return
        text = line.text.rstrip(b"\r\n").decode(errors="backslashreplace")
        self._rejects.write(json.dumps({"line": line.number, "reason": reason, "text": text}) + "\n")


@app.command()
def emit(  # noqa: PLR0913  (each is an option)
    *,
    bootstrap_servers: Annotated[
        str, typer.Option(envvar="AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", help="host:port,... of some brokers.")
    ],
    environment: Annotated[
        str,
        typer.Option(envvar="AUDITSEAL_ENVIRONMENT", help="The environment in the events' source: production, ..."),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="JSON lines, one event each. [default: standard input]"),
    ] = None,
    topic: Annotated[str, typer.Option(envvar="AUDITSEAL_EVENTS_TOPIC", help="The events topic.")] = "audit.events",
    service: Annotated[str, typer.Option(help="The service in the events' source.")] = "auditseal-emit",
    rejects: Annotated[
        Path | None,
        typer.Option(help="File for lines that are not published, with number and reason. [default: standard error]"),
    ] = None,
    kafka_config: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="name=value lines for librdkafka: security.protocol, sasl.*, ssl.*; # begins a comment.",
        ),
    ] = None,
    allow_plaintext: Annotated[
        bool, typer.Option("--allow-plaintext", help="Allow unencrypted connections to other machines.")
    ] = False,
    timeout: Annotated[float, typer.Option(help="Seconds after which an event without acknowledgement fails.")] = 60.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Publish events from JSON lines; blank lines are skipped.

    Example: auditseal emit --environment test --rejects bad.jsonl events.jsonl

    Exit codes: 0 every line is published, 1 the tool failed or an event got no acknowledgement, 2 usage or
    configuration, 3 lines were rejected and all others are published, 130 interrupted: published events remain
    published.
    """
    interrupted = False
    logging.getLogger("auditseal_producer").addHandler(logging.NullHandler())  # what it logs is told here, once
    with exit_on_errors(_say), ExitStack() as files:
        _check_apart(file, rejects)
        config = ProducerConfig(
            bootstrap_servers=bootstrap_servers,
            service=service,
            environment=environment,
            topic=topic,
            full_wait=timeout,
            delivery_timeout=timeout,
            allow_plaintext=allow_plaintext,
            kafka=_read_properties(kafka_config) if kafka_config else {},
        )
        source = files.enter_context(file.open("rb")) if file else sys.stdin.buffer
        emission = Emission(files.enter_context(rejects.open("w", encoding="utf-8")) if rejects else None)
        started = monotonic()
        try:
            _publish_all(config, source, emission)
        except KeyboardInterrupt:
            interrupted = True
        seconds = monotonic() - started
    _summarise(emission, topic, seconds, as_json=as_json)
    if interrupted:
        _say(f"interrupted at line {emission.line}: the counts above are those of the lines before it")
        raise typer.Exit(ExitCode.INTERRUPTED)
    raise typer.Exit(emission.exit_code)


def _check_apart(file: Path | None, rejects: Path | None) -> None:
    """Refuse to write rejected lines over the lines that are to be read."""
    if file and rejects and rejects.exists() and rejects.samefile(file):
        raise ConfigurationError(f"--rejects {rejects} is the file that is read, and would be emptied: name another")


def _publish_all(config: ProducerConfig, source: BinaryIO, emission: Emission) -> None:
    producer, patience = AuditProducer(config), config.delivery_timeout
    with status_line() as progress:
        try:
            producer.check_broker(min(_BROKER_SECONDS, patience))
            for count, line in enumerate(read_lines(source), start=1):
                emission.publish(producer, line)
                if count % _EVERY == 0:
                    emission.collect()
                    progress(f"{count} lines read, {emission.published} events published")
        except KeyboardInterrupt:
            patience = min(_LAST_SECONDS, patience)
            raise
        finally:
            with suppress(UndeliveredError):  # collect() tells of each
                producer.close(patience)
            emission.collect()


def _read_properties(path: Path) -> Mapping[str, str]:
    """Read `name=value` lines, as Kafka's own tools take them.

    Raises:
        ConfigurationError: A line is something else.
    """
    properties = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = line.partition("=")
        if not equals:
            raise ConfigurationError(f"{path}: line {number} is not name=value")
        properties[name.strip()] = value.strip()
    return properties


def _summarise(emission: Emission, topic: str, seconds: float, *, as_json: bool) -> None:
    counts = {"published": emission.published, "rejected": emission.rejected, "failed": emission.failed}
    if as_json:
        typer.echo(json.dumps({"topic": topic, **counts, "seconds": round(seconds, 3)}))
    else:
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        _say(f"{told}; topic {topic}, {seconds:.1f} s")


def _say(line: str) -> None:
    typer.echo(f"auditseal emit: {line}", err=True)
