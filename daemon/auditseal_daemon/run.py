"""The shell around a daemon: logs, signals, telemetry, and the meaning of its end for its supervisor.

| the end | exit code |
| --- | --- |
| stopped by SIGTERM or SIGINT, within 10 s | 0 |
| a tool failed: the store or Kafka away for good, a disk, or a bug | 1 |
| configuration or trust file unusable | 2 |
| a halt: it can't continue safely | the halt's own, and its runbook in the last line of the log |
"""

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

import structlog
from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry

from auditseal_daemon.listen import format_address
from auditseal_daemon.telemetry import Health, make_registry, serve_telemetry
from auditseal_schemas import __version__
from auditseal_schemas.errors import AuditsealError, ConfigurationError, TrustError
from auditseal_schemas.exit_codes import ExitCode, exit_code_of
from auditseal_schemas.halt import HaltError

STOP_SECONDS = 9.0
"""After a signal, and after the body's end: what then still runs is cut off, so that 10 s hold for the whole."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# Without the frames' local variables: a client's configuration, password included, is one of them.
_TRACEBACKS = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))


@dataclass(frozen=True, slots=True)
class DaemonOptions:
    """How a daemon reports.

    Attributes:
        log_level: The least level that is logged.
        host: The address that telemetry is served at.
        port: Its port; 0 for a free one, which the log names.
    """

    log_level: str = "INFO"
    host: str = "127.0.0.1"
    port: int = 0


@dataclass(frozen=True, slots=True)
class DaemonContext:
    """What the shell hands to a daemon's body.

    Attributes:
        stop: Set when the daemon must end: the body returns as soon as it safely can.
        health: The conditions that the daemon named.
        registry: Where it registers its metrics.
    """

    stop: threading.Event
    health: Health
    registry: CollectorRegistry


def run_daemon(
    name: str, options: DaemonOptions, conditions: Iterable[str], body: Callable[[DaemonContext], None]
) -> int:
    """Run a daemon's body to its end and return the exit code, for `process_end.end_process`.

    Call it in the main thread, before others run. An error that nobody foresaw is raised on, logged with its
    traceback by the hooks set here, and ends the process with code 1.
    """
    configure_logs(options.log_level)
    log = structlog.get_logger(name)
    context = DaemonContext(threading.Event(), Health(conditions), make_registry(name, __version__))
    watchdog = _Watchdog(log)
    try:
        with (
            _signals(context.stop, watchdog, log),
            serve_telemetry(context.registry, context.health, options.host, options.port) as port,
        ):
            log.info("started", version=__version__, telemetry=f"http://{format_address(options.host, port)}")
            body(context)
    except HaltError as error:
        log.critical("halted", reason=error.halt.name, problem=str(error), runbook=error.halt.runbook)
        watchdog.code = exit_code_of(error)
        return watchdog.code
    except (ConfigurationError, TrustError) as error:
        log.critical("unusable configuration", problem=str(error))
        return exit_code_of(error)
    except KafkaException as error:
        log.critical("failed", problem=error.args[0].str(), kind=error.args[0].name())
        return exit_code_of(error)
    except (AuditsealError, OSError) as error:
        log.critical("failed", problem=str(error), kind=type(error).__name__)
        return exit_code_of(error)
    finally:
        watchdog.start()
    log.info("stopped")
    return ExitCode.OK


def configure_logs(level: str) -> None:
    """Send all logs to standard error: as JSON lines, or made for reading where that is a terminal."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
    )
    renderers: list[Any] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if sys.stderr.isatty()
        else [_TRACEBACKS, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    sys.excepthook = _log_uncaught
    threading.excepthook = lambda args: _log_uncaught(args.exc_type, args.exc_value, args.exc_traceback)


class _Watchdog:
    """Ends the process hard when it doesn't end by itself: a client library may wait forever for a dead broker.

    Attributes:
        code: What it then ends with: a halt's own code, or its supervisor would start it again.
    """

    def __init__(self, log: structlog.typing.FilteringBoundLogger) -> None:
        self.code: int = ExitCode.FAILED
        self._log = log
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        """Start the countdown; a second call changes nothing."""
        if self._timer is None:
            self._timer = threading.Timer(STOP_SECONDS, self._expire)
            self._timer.daemon = True
            self._timer.start()

    def _expire(self) -> None:
        self._log.critical("did not stop in time, ending hard", seconds=STOP_SECONDS)
        os._exit(self.code)


@contextmanager
def _signals(stop: threading.Event, watchdog: _Watchdog, log: structlog.typing.FilteringBoundLogger) -> Iterator[None]:
    """Let SIGTERM and SIGINT ask for the end.

    A thread waits for them, since a handler would run between any two steps of the main thread, where setting an event
    or logging may find its own lock taken. The interpreter writes a signal's number to a socket, whichever thread the
    kernel chose: libraries start threads when they are imported, which no mask of ours reaches.
    """
    over = threading.Event()
    receiver, sender = socket.socketpair()
    sender.setblocking(False)  # noqa: FBT003  (the standard library has no name for it)

    def wait() -> None:
        number = receiver.recv(1)
        if number and not over.is_set():
            watchdog.start()
            stop.set()
            log.info("stopping", signal=signal.Signals(number[0]).name)

    waiter = threading.Thread(target=wait, name="signals", daemon=True)
    waiter.start()
    before = {number: signal.signal(number, _ignore) for number in _SIGNALS}
    wakeup = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        over.set()
        signal.set_wakeup_fd(wakeup)
        for number, handler in before.items():
            signal.signal(number, handler)
        sender.close()
        waiter.join()
        receiver.close()


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: the thread that waits for signals acts."""


def _log_uncaught(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    log = structlog.get_logger("auditseal")
    log.critical("failed on an error that nobody foresaw", exc_info=(kind, error, traceback))
