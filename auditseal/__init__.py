"""auditseal: audit events on Kafka, sealed into signed Merkle blocks in WORM storage.

A service imports the names for publishing from here (docs/how-to/publish.md). A name is loaded at its first use, so
that a command that publishes nothing loads no Kafka client.

| module | what it holds |
| --- | --- |
| `cli` | the command line |
| `settings` | the settings that all daemons share, read from environment and file |
| `settings_sections` | what sections are made of, the section [metrics], and reading a file of them |
| `settings_gateway` | the gateway's settings |
| `settings_kafka` | the section [kafka] |
| `settings_sasl` | its sections for OAUTHBEARER and GSSAPI |
| `settings_sealer` | the sealer's settings |
| `settings_signer` | the sections of signers outside the sealer's process |
| `settings_archiver` | the archiver's settings |
| `settings_watch` | the watcher's settings |
| `settings_explorer` | the explorer's file of access |
| `settings_topics` | the settings that `auditseal topics` reads |
| `pytest` | the pytest plugin for services |
| `own_events` | the audit events of our own daemons |
| `holding` | the steps of a case of legal holds |
| `trust_lines` | log lines that are added to a trust file |
| `demo` | the demo |
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auditseal_producer import (
        Actor,
        AsyncAuditProducer,
        AsyncRecorder,
        AuditEvent,
        AuditProducer,
        AuditsealError,
        Authorization,
        BrokerUnavailableError,
        BufferFullError,
        Category,
        Change,
        ConfigurationError,
        DeliveryError,
        EventError,
        EventFields,
        ForkedError,
        Outcome,
        PendingReceipt,
        ProducerClosedError,
        ProducerConfig,
        ProducerCounts,
        PublishError,
        Reason,
        Receipt,
        Recorder,
        Redact,
        Redaction,
        Resource,
        Source,
        SpoolBusyError,
        SpoolCorruptedError,
        SpoolError,
        StillSpooledError,
        Stream,
        UndeliveredError,
    )
    from auditseal_producer.testing import AsyncRecordedEvents, RecordedEvents

__all__ = [
    "Actor",
    "AsyncAuditProducer",
    "AsyncRecordedEvents",
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
    "RecordedEvents",
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

_TESTING = ("AsyncRecordedEvents", "RecordedEvents")


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "auditseal_producer.testing" if name in _TESTING else "auditseal_producer"
    return getattr(import_module(module), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
