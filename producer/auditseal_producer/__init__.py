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
        receipt = pending.result(timeout=30)  # the event's place: topic, partition, offset

Every event that `record` accepts ends in a receipt or an error, never in silence (docs/how-to/publish.md).

| module | what it holds |
| --- | --- |
| `producer` | the producer for threads |
| `aio` | the producer for asyncio |
| `config` | a producer's configuration |
| `process_channel` | the channel of the process that calls, across forks |
| `process_end` | how the ends of processes reach a producer |
| `green_threads` | refuses the green threads of gevent and eventlet |
| `event_channel` | what all streams do the same: encode, offer, refuse |
| `channel` | one stream of events into Kafka, and the thread that serves it |
| `stream_events` | the events by which a stream speaks of itself |
| `spool_channel` | the same with a spool: events go on disk first |
| `spool_writer` | numbers events and writes them, many at a time |
| `spool_delivery` | publishes what is on disk until the brokers have it |
| `spool_choice` | which file a producer takes as its spool |
| `spool_file` | the spool's file, held by one producer |
| `spool_database` | its tables and rows, and SQLite's errors |
| `spool_lock` | its lock file |
| `spool_reading` | what a spool holds, for operators |
| `spooled_receipt` | the handle of an event that is written first |
| `environment` | settings in environment variables |
| `redaction` | rules that mask, drop or hash texts of events |
| `outgoing` | an event on its way: stamped, checked and encoded |
| `event_queue` | the stream's sequence and buffer |
| `receipts` | hands out what the brokers answered, and runs callbacks |
| `pending` | the handle of an accepted event |
| `receipt` | receipts and counts |
| `recorder` | what a service's code asks for |
| `kafka_client` | librdkafka's producer and its callbacks |
| `client_log` | what a producer logs, and how often |
| `user_code` | calls code of the service, whatever that raises |
| `waiters` | threads and coroutines that wait for the producer's thread |
| `loop_turns` | turns for coroutines, so that no loop is blocked |
| `loop_calls` | calls of other threads into a loop, many for one wake-up |
| `durations` | durations in seconds, checked |
| `encoded_file` | files of encoded events, to be published again |
| `testing` | recorders for a service's own tests, without Kafka |
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
    SpoolBusyError,
    SpoolCorruptedError,
    SpoolError,
    StillSpooledError,
    UndeliveredError,
)
from auditseal_producer.pending import PendingReceipt
from auditseal_producer.producer import AuditProducer
from auditseal_producer.receipt import ProducerCounts, Receipt
from auditseal_producer.recorder import AsyncRecorder, Recorder
from auditseal_producer.redaction import Redact, Redaction
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
    "AsyncRecorder",
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
    "Redact",
    "Redaction",
    "Resource",
    "Source",
    "SpoolBusyError",
    "SpoolCorruptedError",
    "SpoolError",
    "StillSpooledError",
    "Stream",
    "UndeliveredError",
]
