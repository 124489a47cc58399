"""A producer's configuration, and what it makes of librdkafka's."""

import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from auditseal_schemas.errors import ConfigurationError, EventError
from auditseal_schemas.event_codec import MAX_EVENT_BYTES
from auditseal_schemas.event_parts import Source
from auditseal_schemas.transport import check_transport

_MIB = 1 << 20
_SLACK_EVENTS = 1_000  # librdkafka frees an event's place just after the callback that frees ours

_FIXED: Mapping[str, Any] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": "murmur2_random",  # Java's default, so that services in both agree on an actor's partition
    "message.max.bytes": _MIB,
}
_DEFAULTS: Mapping[str, Any] = {"compression.type": "lz4", "linger.ms": 5}
_RESERVED = frozenset(
    {
        *_FIXED,
        "bootstrap.servers",
        "default.topic.config",
        "delivery.report.only.error",
        "delivery.timeout.ms",
        "dr_cb",
        "dr_msg_cb",
        "logger",
        "max.in.flight",
        "max.in.flight.requests.per.connection",
        "message.send.max.retries",
        "message.timeout.ms",
        "metadata.broker.list",
        "on_delivery",
        "queue.buffering.max.kbytes",
        "queue.buffering.max.messages",
        "queuing.strategy",
        "request.required.acks",
        "retries",
        "transactional.id",
    }
)


@dataclass(frozen=True, kw_only=True)
class ProducerConfig:
    """How a service publishes; only the first three have to be said.

    Attributes:
        bootstrap_servers: `host:port,...` of some brokers.
        service: The service's name, in every event's source.
        environment: `production`, `staging`, ...; in every event's source.
        topic: The events topic.
        version: The service's version; in the source.
        instance: Host, pod or process; in the source. The host's name by default.
        region: Where it runs; in the source.
        buffer_events: Events that may wait for an acknowledgement at a time.
        buffer_bytes: Bytes of encoded events that may; at least 2 MiB.
        full_wait: Seconds that `record` waits for room in a full buffer before it raises BufferFullError; 0 raises
            at once.
        delivery_timeout: Seconds after which an event that no broker acknowledged has failed.
        close_timeout: Seconds that leaving the `with` block, or the interpreter, waits for the last acknowledgements.
        allow_plaintext: Asks by name for unencrypted connections beyond this machine.
        kafka: More of librdkafka's settings, such as `security.protocol` and `sasl.*`. Those that keep order and
            events (idempotence, acks, retries, partitioner, ...) are fixed and refused here.

    Raises:
        ConfigurationError: A value is unusable; one line for each.
    """

    bootstrap_servers: str
    service: str
    environment: str
    topic: str = "audit.events"
    version: str | None = None
    instance: str | None = field(default_factory=socket.gethostname)
    region: str | None = None
    buffer_events: int = 100_000
    buffer_bytes: int = 64 * _MIB
    full_wait: float = 5.0
    delivery_timeout: float = 1_800.0
    close_timeout: float = 30.0
    allow_plaintext: bool = False
    kafka: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise ConfigurationError("\n".join(problems))

    @property
    def source(self) -> Source:
        """The source that every event of the producer states."""
        return Source(
            service=self.service,
            environment=self.environment,
            version=self.version,
            instance=self.instance,
            region=self.region,
        )

    @property
    def librdkafka(self) -> dict[str, Any]:
        """The settings for librdkafka, all of them."""
        return {
            **_DEFAULTS,
            "client.id": f"auditseal/{self.service}",
            **self.kafka,
            **_FIXED,
            "bootstrap.servers": self.bootstrap_servers,
            "message.timeout.ms": int(self.delivery_timeout * 1000),
            "queue.buffering.max.messages": self.buffer_events + _SLACK_EVENTS,
            "queue.buffering.max.kbytes": (self.buffer_bytes + _SLACK_EVENTS * MAX_EVENT_BYTES) // 1024,
        }

    def _problems(self) -> Iterator[str]:
        yield from self._source_problems()
        if not self.topic:
            yield "topic: must not be empty"
        if self.buffer_events < 1:
            yield f"buffer_events: {self.buffer_events} is less than 1"
        if self.buffer_bytes < 2 * _MIB:
            yield f"buffer_bytes: {self.buffer_bytes} is less than {2 * _MIB}, room for two events of the largest size"
        if self.full_wait < 0:
            yield f"full_wait: {self.full_wait} seconds is less than 0"
        if self.delivery_timeout < 1:
            yield f"delivery_timeout: {self.delivery_timeout} seconds is less than 1"
        if self.close_timeout < 0:
            yield f"close_timeout: {self.close_timeout} seconds is less than 0"
        for name in sorted(_RESERVED.intersection(self.kafka)):
            yield f"kafka[{name!r}]: is set by auditseal, since order or events would be lost otherwise: leave it out"
        yield from self._transport_problems()

    def _source_problems(self) -> Iterator[str]:
        try:
            _ = self.source
        except EventError as error:
            yield str(error)

    def _transport_problems(self) -> Iterator[str]:
        if self.allow_plaintext:
            return
        try:
            check_transport(self.bootstrap_servers, str(self.kafka.get("security.protocol", "plaintext")))
        except ConfigurationError as error:
            yield str(error)
