"""One connection to Kafka before a command's work, so that the reason why it fails is known within seconds."""

import time
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.kafka_trouble import Trouble, Troubles

WAIT_SECONDS = 10.0
_LASTING_SECONDS = 2.0
_POLL_SECONDS = 0.1


def check_reachable(client: Mapping[str, str], seconds: float = WAIT_SECONDS) -> None:
    """Ask the cluster for its description.

    Args:
        client: The connection as librdkafka's properties.
        seconds: How long to wait for an answer, at most. A trouble that does not pass by itself ends the wait after
            some 2 s.

    Raises:
        UnavailableError: No broker answered. The text says why, as far as librdkafka reports it.
    """
    heard = _Heard()
    config: dict[str, Any] = {**client, "error_cb": heard.error, "logger": heard}
    admin = AdminClient(config)
    answer = admin.describe_cluster(request_timeout=seconds)
    trouble = _await(answer, admin, heard, time.monotonic() + seconds)
    if trouble is not None:
        raise UnavailableError(f"Kafka can't be used: {trouble}")
    try:
        answer.result(0)
    except (KafkaException, TimeoutError) as error:
        raise UnavailableError(f"Kafka can't be used: no broker answered within {seconds:.0f} s ({error})") from error


def _await(answer: "Future[Any]", admin: AdminClient, heard: "_Heard", deadline: float) -> Trouble | None:
    """Wait for the answer; return the trouble that keeps it from coming, None where it came or none is known."""
    lasting_since: float | None = None
    while not answer.done() and time.monotonic() < deadline:
        admin.poll(_POLL_SECONDS)
        trouble, now = heard.troubles.current, time.monotonic()
        if trouble is None or not trouble.kind.lasting:
            lasting_since = None
        elif lasting_since is None:
            lasting_since = now
        elif now - lasting_since >= _LASTING_SECONDS:
            return trouble
    return None if answer.done() and answer.exception() is None else heard.troubles.current


class _Heard:
    """Collects the troubles of a client from its errors and, as the client's `logger`, from its log lines."""

    def __init__(self) -> None:
        self.troubles = Troubles()

    def error(self, error: KafkaError) -> None:
        """Take an error."""
        self.troubles.note(error.name(), error.str())

    def log(self, level: int, form: str, facility: str, client: str, text: str) -> None:  # noqa: ARG002
        """Take a log line, as the binding hands it to the method of this name of a `logging.Logger`."""
        self.troubles.note(facility, text)
