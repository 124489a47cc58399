"""What all clients of Kafka here share: how errors are logged and turned into ours."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from auditseal_sealer.errors import UnavailableError

_log = logging.getLogger("auditseal.sealer.kafka")


def settings(client: Mapping[str, str], **more: object) -> dict[str, Any]:
    """Return librdkafka's settings of a client; keyword names have `_` for `.`.

    The error callback is not optional: without one the binding raises a fatal error in the middle of another callback.
    """
    return {
        **client,
        **{name.replace("_", "."): value for name, value in more.items()},
        "error_cb": _log_error,
        "logger": _log,
    }


def _log_error(error: KafkaError) -> None:
    _log.warning("%s: %s", error.name(), error.str())


@contextmanager
def unavailable(what: str) -> Iterator[None]:
    """Turn Kafka's error in a call that may be tried again into an `UnavailableError`."""
    try:
        yield
    except KafkaException as exception:
        error = exception.args[0]
        raise UnavailableError(f"{what}: {error.str()} ({error.name()})") from exception
