"""A producer's configuration, and what it makes of librdkafka's."""

import math
import os
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from auditseal_producer.durations import problem_of_seconds
from auditseal_producer.environment import read_settings
from auditseal_producer.redaction import Redaction
from auditseal_schemas.errors import ConfigurationError, EventError
from auditseal_schemas.event_codec import MAX_EVENT_BYTES
from auditseal_schemas.event_parts import Source
from auditseal_schemas.transport import check_transport

_MIB = 1 << 20
_MOST_EVENTS = 2_000_000_000
_MOST_BYTES = 1 << 40
_MOST_DELIVERY_SECONDS = 2_147_483  # librdkafka's longest; its 0 is endless
_MOST_HEARTBEAT_SECONDS = 86_400
_MOST_SHOWN = 10**20
_CALLBACKS = ("error_cb", "oauth_cb", "stats_cb", "throttle_cb")
_SLACK_EVENTS = 1_000  # librdkafka frees an event's place just after the callback that frees ours

_TOPIC = re.compile("[A-Za-z0-9._-]{1,249}")

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
        delivery_timeout: Seconds after which an event that no broker acknowledged has failed: 1 to 2,147,483. With a
            spool no event fails.
        close_timeout: Seconds that leaving the `with` block, or the process's end, waits for the last
            acknowledgements. Events that still wait then fail, and `on_error` gets them. Keep it well below the time
            that a supervisor grants between SIGTERM and SIGKILL, which is 30 s in Kubernetes.
        spool: File that takes each event before `record` returns, and keeps it until the brokers have it, over restarts
            and crashes. It is made where there is none. One producer at a time may use it; each of several processes
            takes the first that is free of a path with `{n}` in the file's name, which stands for 0 and up.
        spool_bytes: Bytes of encoded events that may be in the spool; at least 2 MiB.
        heartbeat: Seconds without an event after which the stream says that it lives. The stream then also says when it
            is opened and closed, by events of its own (docs/how-to/streams.md). At least 1; None for no such events.
        redact: Rules that mask, drop or hash texts of events before they are encoded (`redaction`).
        allow_plaintext: Explicitly allows unencrypted connections beyond this machine.
        kafka: More of librdkafka's settings, such as `security.protocol` and `sasl.*`. Those that keep order and
            events (idempotence, acks, retries, partitioner, ...) are fixed and refused here.

    `math.inf` waits without end in each of the three durations.

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
    close_timeout: float = 10.0
    spool: str | os.PathLike[str] | None = None
    spool_bytes: int = 1 << 30
    heartbeat: float | None = None
    redact: Sequence[Redaction] = ()
    allow_plaintext: bool = False
    kafka: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.kafka, Mapping):
            raise ConfigurationError(f"kafka: must be a mapping, not {type(self.kafka).__name__}")
        object.__setattr__(self, "kafka", dict(self.kafka))  # what is checked here is what is used
        if not isinstance(self.redact, Iterable):
            raise ConfigurationError(f"redact: must be a list of Redaction, not {type(self.redact).__name__}")
        object.__setattr__(self, "redact", tuple(self.redact))
        problems = list(self._problems())
        if problems:
            raise ConfigurationError("\n".join(problems))

    @classmethod
    def from_env(cls, **given: Any) -> Self:
        """Make a configuration from environment variables (docs/how-to/frameworks.md); given settings go first.

        Raises:
            ConfigurationError: A variable is unknown or unusable, or a setting is missing; one line for each.
        """
        return cls(**read_settings(os.environ, given))

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
    def spool_path(self) -> Path:
        """The spool's file.

        Raises:
            ConfigurationError: There isn't one.
        """
        if self.spool is None:
            raise ConfigurationError("spool: it isn't set: give the path of its file")
        return Path(self.spool)

    @property
    def librdkafka(self) -> dict[str, Any]:
        """The settings for librdkafka, all of them."""
        return {
            **_DEFAULTS,
            "client.id": f"auditseal/{self.service}",
            **self.kafka,
            **_FIXED,
            **self._order,
            "bootstrap.servers": self.bootstrap_servers,
            "queue.buffering.max.messages": self.buffer_events + _SLACK_EVENTS,
            "queue.buffering.max.kbytes": (self.buffer_bytes + _SLACK_EVENTS * MAX_EVENT_BYTES) // 1024,
        }

    @property
    def _order(self) -> dict[str, Any]:
        """What happens to the events behind one that fails: with a spool, all of them fail, and are sent again.

        Up to five batches of a partition are on their way at a time: they may still be stored before it.
        """
        if self.spool is not None:
            return {"message.timeout.ms": 0, "enable.gapless.guarantee": True}
        return {"message.timeout.ms": 0 if self.delivery_timeout == math.inf else int(self.delivery_timeout * 1000)}

    def _problems(self) -> Iterator[str]:
        yield from self._source_problems()
        yield from self._place_problems()
        if not isinstance(self.bootstrap_servers, str):
            yield f"bootstrap_servers: must be text, not {type(self.bootstrap_servers).__name__}"
            return
        if not all(isinstance(rule, Redaction) for rule in self.redact):
            yield "redact: must be a list of Redaction"
        yield from self._buffer_problems()
        yield from self._duration_problems()
        for name in sorted(_RESERVED.intersection(self.kafka)):
            yield f"kafka[{name!r}]: is set by auditseal, since order or events would be lost otherwise: leave it out"
        for name in _CALLBACKS:
            if name in self.kafka and not callable(self.kafka[name]):
                yield f"kafka[{name!r}]: must be a function, not {type(self.kafka[name]).__name__}"
        yield from self._transport_problems()

    def _place_problems(self) -> Iterator[str]:
        if not isinstance(self.topic, str):
            yield f"topic: must be text, not {type(self.topic).__name__}"
        elif not _TOPIC.fullmatch(self.topic):
            yield f"topic: {self.topic!r} isn't a topic's name: 1 to 249 ASCII letters, digits, '.', '_' and '-'"
        if self.spool is None:
            return
        if not isinstance(self.spool, str | os.PathLike):
            yield f"spool: must be the path of a file, not {type(self.spool).__name__}"
        elif not str(self.spool):
            yield "spool: must be the path of a file, not ''"

    def _buffer_problems(self) -> Iterator[str]:
        for name, value, least, most in (
            ("buffer_events", self.buffer_events, 1, _MOST_EVENTS),
            ("buffer_bytes", self.buffer_bytes, 2 * _MIB, _MOST_BYTES),  # room for two events of the largest size
            ("spool_bytes", self.spool_bytes, 2 * _MIB, _MOST_BYTES),
        ):
            if type(value) is not int:
                yield f"{name}: must be a whole number, not {type(value).__name__}"
            elif not least <= value <= most:
                yield f"{name}: must be from {least} to {most}{_shown(value)}"

    def _duration_problems(self) -> Iterator[str]:
        for name, value, least in (
            ("full_wait", self.full_wait, 0),
            ("delivery_timeout", self.delivery_timeout, 1),
            ("close_timeout", self.close_timeout, 0),
        ):
            problem = problem_of_seconds(name, value, least)
            if problem:
                yield problem
        if self.heartbeat is not None:
            problem = problem_of_seconds("heartbeat", self.heartbeat, 1)
            if problem or self.heartbeat > _MOST_HEARTBEAT_SECONDS:
                yield problem or f"heartbeat: {self.heartbeat} is more than {_MOST_HEARTBEAT_SECONDS} seconds"
        value = self.delivery_timeout
        if problem_of_seconds("", value) is None and _MOST_DELIVERY_SECONDS < value < math.inf:
            yield f"delivery_timeout: {value} is more than {_MOST_DELIVERY_SECONDS} seconds; math.inf waits without end"

    def _source_problems(self) -> Iterator[str]:
        try:
            _ = self.source
        except EventError as error:
            yield str(error)

    def _transport_problems(self) -> Iterator[str]:
        if not isinstance(self.allow_plaintext, bool):  # "false" would be true
            yield f"allow_plaintext: must be True or False, not {type(self.allow_plaintext).__name__}"
        if self.allow_plaintext is True:
            return
        try:
            check_transport(self.bootstrap_servers, str(self.kafka.get("security.protocol", "plaintext")))
        except ConfigurationError as error:
            yield str(error)


def _shown(value: int) -> str:
    """Return what an error says of a number; Python refuses to write one of thousands of digits."""
    return f", not {value}" if abs(value) < _MOST_SHOWN else ""
