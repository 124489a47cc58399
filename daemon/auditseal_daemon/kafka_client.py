"""What all clients of Kafka here share: how errors are logged and turned into ours."""

import logging
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from auditseal_schemas.errors import UnavailableError

_QUIET_SECONDS = 10
_CRITICAL = 2  # syslog's
_log = logging.getLogger("auditseal.sealer.kafka")


def settings(client: Mapping[str, str], **more: object) -> dict[str, Any]:
    """Return librdkafka's settings of a client; keyword names have `_` for `.`.

    The error callback is not optional: without one the binding raises a fatal error in the middle of another callback.
    """
    return {
        **client,
        **{name.replace("_", "."): value for name, value in more.items()},
        "error_cb": _teller.tell,
        "log_level": _CRITICAL,  # its errors come through the callback; it logs each attempt to connect besides
        "logger": _log,
    }


class _Teller:
    """Logs what clients report; each of them repeats it several times a second while a broker is away."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}

    def tell(self, error: KafkaError) -> None:
        """Log an error unless its like was logged a moment ago."""
        name, now = error.name(), time.monotonic()
        if now - self._told.get(name, -_QUIET_SECONDS) >= _QUIET_SECONDS:
            self._told[name] = now
            _log.warning("%s: %s", name, error.str())


_teller = _Teller()


@contextmanager
def unavailable(what: str) -> Iterator[None]:
    """Turn Kafka's error in a call that may be tried again into an `UnavailableError`."""
    try:
        yield
    except KafkaException as exception:
        error = exception.args[0]
        raise UnavailableError(f"{what}: {error.str()} ({error.name()})") from exception
