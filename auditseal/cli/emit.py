"""`auditseal emit`: publishes events from JSON lines, and accounts for every one of them."""

import json
import logging
import mmap
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Annotated

import typer

from auditseal.cli.emission import Emission, Item, items_of_file, items_of_lines
from auditseal.cli.exits import exit_on_errors
from auditseal.cli.interruption import InterruptedWait, InterruptibleLines, Interruption, interruption_by_signals
from auditseal.cli.properties_file import read_properties
from auditseal.cli.rejects import open_rejects
from auditseal.cli.status_line import status_line
from auditseal_producer import AuditProducer, ProducerConfig, UndeliveredError
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.exit_codes import ExitCode

_COMMAND = "emit"
_BROKER_SECONDS = 10.0
_LAST_SECONDS = 5.0  # after a signal, for acknowledgements that are on their way
_ROOM_SECONDS = 1.0  # how long a full buffer keeps the command from looking for a signal
_EVERY = 1_000  # items between two looks at what came back

app = typer.Typer()


@app.command()
def emit(  # noqa: PLR0913  (each is an option)
    *,
    bootstrap_servers: Annotated[
        str, typer.Option(envvar="AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", help="host:port,... of some brokers.")
    ],
    environment: Annotated[
        str | None,
        typer.Option(envvar="AUDITSEAL_ENVIRONMENT", help="The environment in the events' source: production, ..."),
    ] = None,
    file: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="JSON lines, one event each. [default: standard input]"),
    ] = None,
    encoded: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="File of encoded events, to be published again as they are."),
    ] = None,
    topic: Annotated[str, typer.Option(envvar="AUDITSEAL_EVENTS_TOPIC", help="The events topic.")] = "audit.events",
    service: Annotated[str, typer.Option(help="The service in the events' source.")] = "auditseal-emit",
    rejects: Annotated[
        Path | None,
        typer.Option(help="File that gets what is not published, with the reason. [default: standard error]"),
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
    configuration, 3 lines were rejected and all others are published, 130 interrupted by Ctrl-C, SIGTERM or SIGHUP:
    published events remain published.
    """
    logging.getLogger("auditseal_producer").addHandler(logging.NullHandler())  # what it logs is told here, once
    with exit_on_errors(_say), ExitStack() as files:
        source = _Source(file, encoded)
        config = ProducerConfig(
            bootstrap_servers=bootstrap_servers,
            service=service,
            environment=_check_environment(environment, encoded),
            topic=topic,
            full_wait=_ROOM_SECONDS,
            delivery_timeout=timeout,
            allow_plaintext=allow_plaintext,
            kafka=read_properties(kafka_config) if kafka_config else {},
        )
        read = _files_that_are_read(source, kafka_config)
        emission = Emission(files.enter_context(open_rejects(rejects, _COMMAND, read)), _COMMAND)
        interruption = files.enter_context(interruption_by_signals())
        items = files.enter_context(source.items(interruption))
        started = monotonic()
        finished = False
        try:
            publish_all(config, items, emission, interruption)
            finished = True
        finally:
            if finished or emission.last:
                _summarise(emission, topic, monotonic() - started, as_json=as_json)
        raise typer.Exit(end_of(emission, interruption, _say))


class _Source:
    """What is read: JSON lines from a file or standard input, or a file of encoded events.

    Raises:
        ConfigurationError: Both are given, or the encoded events aren't in a regular file.
    """

    def __init__(self, file: Path | None, encoded: Path | None) -> None:
        if file and encoded:
            raise ConfigurationError(f"--encoded {encoded} and {file}: only one can be read: run the command for each")
        if encoded and not encoded.is_file():
            raise ConfigurationError(f"--encoded {encoded}: it isn't a regular file: copy its content to one")
        self._file, self._encoded = file, encoded

    def state(self) -> os.stat_result | None:
        """Return the state of what is read, None where it isn't a file of the operating system."""
        path = self._file or self._encoded
        if path:
            return path.stat()
        try:
            return os.fstat(sys.stdin.fileno())
        except (OSError, ValueError):
            return None

    @contextmanager
    def items(self, interruption: Interruption) -> Iterator[Iterator[Item]]:
        """Open it, and yield what it holds."""
        if self._encoded:
            with self._encoded.open("rb") as file:
                empty = not os.fstat(file.fileno()).st_size
                yield items_of_file(b"" if empty else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        elif self._file:
            with self._file.open("rb") as file:
                yield items_of_lines(InterruptibleLines(file, interruption))
        else:
            yield items_of_lines(InterruptibleLines(sys.stdin.buffer, interruption))


def _check_environment(environment: str | None, encoded: Path | None) -> str:
    if encoded:
        return "encoded"  # never used: each event has its own
    if not environment:
        raise ConfigurationError("--environment is missing: name the environment in the events' source")
    return environment


def _files_that_are_read(source: _Source, kafka_config: Path | None) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the name and the state of each."""
    state = source.state()
    if state is not None:
        yield "input", state
    if kafka_config is not None:
        yield "--kafka-config", kafka_config.stat()


def publish_all(
    config: ProducerConfig,
    items: Iterator[Item],
    emission: Emission,
    interruption: Interruption,
    save: Callable[[], None] = lambda: None,
) -> None:
    """Publish items until they end, a signal comes, or the rejects can't be written; for `emit` and `import`.

    Args:
        config: Where to.
        items: What.
        emission: Accounts for each.
        interruption: Whether a signal came.
        save: Called now and then, after the latest acknowledgements were counted.

    Raises:
        BrokerUnavailableError: No broker answers.
        PublishError: The producer can't continue.
    """
    producer, seconds = AuditProducer(config), config.delivery_timeout

    def give_up() -> bool:
        return interruption.came or emission.unwritable is not None

    with status_line() as progress:
        try:
            with interruption.cuts_short():
                producer.check_broker(min(_BROKER_SECONDS, seconds))
            for count, item in enumerate(items, start=1):
                emission.publish(producer, item, give_up)
                if give_up():
                    break
                if count % _EVERY == 0:
                    emission.collect()
                    save()
                    progress(f"{count} read, {emission.published} published")
        except InterruptedWait:
            pass
        finally:
            with suppress(UndeliveredError):  # collect() reports each
                producer.close(min(_LAST_SECONDS, seconds) if interruption.came else seconds)
            emission.collect()


def end_of(emission: Emission, interruption: Interruption, say: Callable[[str], None]) -> ExitCode:
    """Say what ended the command before its input did, and return the exit code."""
    if emission.unwritable is not None:
        say(f"the rejects can't be written: {emission.unwritable}: the counts above are those up to there")
        return ExitCode.FAILED
    if interruption.came:
        last = emission.last
        where = f"at {last.what} {last.number}, the last one that is counted above" if last else "before the first line"
        say(f"interrupted {where}")
        return ExitCode.INTERRUPTED
    return emission.exit_code


def _summarise(emission: Emission, topic: str, seconds: float, *, as_json: bool) -> None:
    counts = {"published": emission.published, "rejected": emission.rejected, "failed": emission.failed}
    if as_json:
        typer.echo(json.dumps({"topic": topic, **counts, "seconds": round(seconds, 3)}))
    else:
        told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
        _say(f"{told}; topic {topic}, {seconds:.1f} s")


def _say(line: str) -> None:
    typer.echo(f"auditseal {_COMMAND}: {line}", err=True)
