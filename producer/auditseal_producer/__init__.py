"""The SDK that services publish audit events with.

    from auditseal_producer import Actor, AuditProducer, Outcome, ProducerConfig, Resource

    config = ProducerConfig(bootstrap_servers="127.0.0.1:9092", service="billing", environment="production")
    with AuditProducer(config) as audit:
        pending = audit.record(
            actor=Actor("user", "u-1017"),
            action="approve",
            resources=[Resource("invoice", "inv-2201")],
            outcome=Outcome.SUCCESS,
        )
        receipt = pending.result(timeout=30)  # where the event lies: topic, partition, offset

Every event that `record` accepts ends in a receipt or an error, never in silence (docs/how-to/publish.md).

| module | what it holds |
| --- | --- |
| `producer` | the producer for threads |
| `aio` | the producer for asyncio |
| `config` | a producer's configuration |
| `channel` | one stream of events into Kafka |
| `process_channel` | the channel of the process that calls, across forks |
| `receipt` | handles and receipts |
| `testing` | a recorder for a service's own tests, without Kafka |
| `errors` | the errors of this package |
"""

from auditseal_producer.aio import AsyncAuditProducer
from auditseal_producer.config import ProducerConfig
from auditseal_producer.errors import (
    BrokerUnavailableError,
    BufferFullError,
    DeliveryError,
    ForkedError,
    ProducerClosedError,
    PublishError,
    UndeliveredError,
)
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.producer import AuditProducer
from auditseal_producer.receipt import ProducerCounts, Receipt
from auditseal_producer.recorder import Recorder
from auditseal_schemas.errors import AuditsealError, ConfigurationError, DecodeError, EventError
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_parts import (
    Actor,
    Authorization,
    Category,
    Change,
    Outcome,
    Reason,
    Resource,
    Source,
    Stream,
)

__all__ = [
    "Actor",
    "AsyncAuditProducer",
    "AuditEvent",
    "AuditProducer",
    "AuditsealError",
    "Authorization",
    "BrokerUnavailableError",
    "BufferFullError",
    "Category",
    "Change",
    "ConfigurationError",
    "DecodeError",
    "DeliveryError",
    "EventError",
    "EventFields",
    "ForkedError",
    "Outcome",
    "PendingReceipt",
    "ProducerClosedError",
    "ProducerConfig",
    "ProducerCounts",
    "PublishError",
    "Reason",
    "Receipt",
    "Recorder",
    "Resource",
    "Source",
    "Stream",
    "UndeliveredError",
]
