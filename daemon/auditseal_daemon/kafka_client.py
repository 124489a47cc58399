"""The settings that all Kafka clients share, and how their errors are logged and turned into ours."""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from auditseal_daemon.throttle import Throttle
from auditseal_schemas.errors import UnavailableError

_CRITICAL = 2  # syslog's
_CAUSE_SECONDS = 30.0
_log = logging.getLogger("auditseal.kafka")
_SILENCE = frozenset(
    {
        KafkaError._TIMED_OUT,  # noqa: SLF001  (its public name for a local error)
        KafkaError._TRANSPORT,  # noqa: SLF001
        KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    }
)
"""Errors that say that no broker answered, and not why."""
_CAUSES = frozenset(
    {
        KafkaError._AUTHENTICATION,  # noqa: SLF001
        KafkaError._RESOLVE,  # noqa: SLF001
        KafkaError._SSL,  # noqa: SLF001
        KafkaError._TRANSPORT,  # noqa: SLF001
    }
)
"""Errors of a connection whose text says why no broker answers."""


def settings(
    client: Mapping[str, str], on_error: Callable[[KafkaError], None] | None = None, **more: object
) -> dict[str, Any]:
    """Return librdkafka's settings of a client.

    The error callback is not optional: without one the binding raises a fatal error in the middle of another callback.

    Args:
        client: The connection as librdkafka's properties.
        on_error: Takes each error that concerns the client as a whole, within the client's own calls; without it, such
            errors are logged.
        more: Further properties, with `_` for `.` in their names.
    """

    def hear(error: KafkaError) -> None:
        _connection.remember(error)
        (on_error or _connection.log)(error)

    return {**_named(client, more), "error_cb": hear, "logger": _log}


def properties(client: Mapping[str, str], **more: object) -> dict[str, str]:
    """Return librdkafka's properties of a client that is made without the binding; see `settings`.

    It reports no error of the client as a whole. The process's other clients connect in the same way and do.
    """
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in _named(client, more).items()
    }


def _named(client: Mapping[str, str], more: Mapping[str, object]) -> dict[str, Any]:
    return {
        **client,
        **{name.replace("_", "."): value for name, value in more.items()},
        "log_level": _CRITICAL,  # its errors come through the callback; it logs each attempt to connect besides
    }


def describe(error: KafkaError) -> str:
    """Return an error's text and name, and where it only says that no answer came, the reason that a client gave."""
    text = f"{error.str()} ({error.name()})"
    cause = _connection.cause() if error.code() in _SILENCE else None
    return f"{text}: {cause}" if cause and cause != text else text


@contextmanager
def unavailable(what: str) -> Iterator[None]:
    """Turn Kafka's error in a call that may be tried again into an `UnavailableError`."""
    try:
        yield
    except KafkaException as exception:
        raise UnavailableError(f"{what}: {describe(exception.args[0])}") from exception


class _Connection:
    """What this process's clients last reported of their connections. All of them connect in the same way."""

    def __init__(self) -> None:
        self._throttle = Throttle()
        self._cause, self._heard = "", -_CAUSE_SECONDS
        self._lock = threading.Lock()

    def remember(self, error: KafkaError) -> None:
        """Remember an error that says why no broker answers."""
        if error.code() in _CAUSES:
            with self._lock:
                self._cause, self._heard = f"{error.str()} ({error.name()})", time.monotonic()

    def log(self, error: KafkaError) -> None:
        """Log an error unless its like was logged a moment ago."""
        if self._throttle.allows(error.name()):
            _log.warning("%s: %s", error.name(), error.str())

    def cause(self) -> str | None:
        """Return the last error that says why no broker answers; None where there was none in the last half minute."""
        with self._lock:
            return self._cause if time.monotonic() - self._heard < _CAUSE_SECONDS else None


_connection = _Connection()
