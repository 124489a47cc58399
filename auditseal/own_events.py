"""The audit events of our own daemons: the results of WORM drills and of verifications.

The work does not wait for its events. An event that was not recorded is counted and logged.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Unpack

import structlog
from prometheus_client import CollectorRegistry, Counter

from auditseal.settings_sections import RecordSettings
from auditseal_glue.own_events import record_in_background
from auditseal_producer import AuditProducer, ProducerConfig
from auditseal_producer.errors import PublishError
from auditseal_producer.recorder import Recorder
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Actor, Outcome, Reason, Resource
from auditseal_schemas.halt import HaltError
from auditseal_vault.drill import drill
from auditseal_vault.encryption import Encryption
from auditseal_vault.interface import VaultReader
from auditseal_watch.results import CheckResult, check_event

_CLOSE_SECONDS = 2.0
"""How long a daemon's end waits for the last events, within its ten seconds."""
_RESULTS = ("recorded", "failed")


class OwnEvents:
    """Records the events of one daemon.

    Args:
        recorder: The producer.
        service: The daemon's name, which is the actor.
        registry: Where the metric is registered.
    """

    def __init__(self, recorder: Recorder, service: str, registry: CollectorRegistry) -> None:
        self._recorder, self._service = recorder, service
        self._log: Any = structlog.get_logger("auditseal.own_events")
        self._count = Counter(
            "auditseal_own_events", "Audit events of this daemon, by result.", ("result",), registry=registry
        )
        for result in _RESULTS:
            self._count.labels(result)

    def record_check(self, result: CheckResult, vault: str) -> None:
        """Record the result of a check of one log."""
        self._record(**check_event(result, vault, self._service))

    def drill(self, vault: VaultReader) -> Encryption | None:
        """Run the WORM drill and record its result; a store that does not answer gives none. Errors as `drill`."""
        try:
            encryption = drill(vault)
        except HaltError as error:
            self._record_drill(vault, Outcome.FAILURE, Reason(error.halt.name, str(error)))
            raise
        self._record_drill(vault, Outcome.SUCCESS, None)
        return encryption

    def _record_drill(self, vault: VaultReader, outcome: Outcome, reason: Reason | None) -> None:
        self._record(
            actor=Actor("daemon", self._service),
            action="auditseal.drill.completed",
            resources=[Resource("vault", vault.url)],
            outcome=outcome,
            reason=reason,
        )

    def _record(self, **fields: Unpack[EventFields]) -> None:
        def count(error: BaseException | None) -> None:
            self._count.labels("failed" if error else "recorded").inc()
            if error:
                self._log.error("an audit event was not recorded", action=fields.get("action"), problem=str(error))

        record_in_background(self._recorder, count, **fields)


@contextmanager
def own_events(
    settings: RecordSettings | None, kafka: Callable[[], Mapping[str, str]], service: str, registry: CollectorRegistry
) -> Iterator[OwnEvents | None]:
    """Give what records a daemon's events, None where the settings ask for none; wait for the last events at the end.

    Args:
        settings: The section [record].
        kafka: The connection, as librdkafka's properties.
        service: The daemon's name.
        registry: Where the metric is registered.

    Raises:
        ConfigurationError: Kafka can't be reached in this way.
    """
    if settings is None:
        yield None
        return
    properties = dict(kafka())
    config = ProducerConfig(
        bootstrap_servers=properties.pop("bootstrap.servers"),
        service=service,
        environment=settings.environment,
        topic=settings.topic,
        full_wait=0,
        allow_plaintext=True,  # the settings have checked it
        kafka=properties,
    )
    producer = AuditProducer(config)
    try:
        yield OwnEvents(producer, service, registry)
    finally:
        try:
            producer.close(_CLOSE_SECONDS)
        except PublishError as error:
            structlog.get_logger("auditseal.own_events").error("audit events were not recorded", problem=str(error))
