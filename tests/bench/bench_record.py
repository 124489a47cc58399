"""How fast `record()` is, and how soon its receipts follow, on a real broker."""

from collections.abc import Iterator
from random import Random
from time import perf_counter, thread_time, time_ns

from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_producer import (
    Actor,
    AuditProducer,
    Authorization,
    Category,
    EventFields,
    Outcome,
    ProducerConfig,
    Resource,
)

_ACTIONS = ("read", "update", "approve", "delete", "export", "login")


def varied_fields(count: int, seed: int = 1) -> Iterator[EventFields]:
    """Yield fields of events of about 260 encoded bytes, no two alike."""
    random = Random(seed)
    for _ in range(count):
        number = random.getrandbits(32)
        yield {
            "actor": Actor("user", f"u-{number % 5_000}", auth_method="oidc", ip=f"10.{number % 251}.{number % 241}.7"),
            "action": _ACTIONS[number % len(_ACTIONS)],
            "resources": [Resource("invoice", f"inv-{number:x}")],
            "outcome": Outcome.SUCCESS if number % 10 else Outcome.DENIED,
            "category": Category.DATA,
            "tenant": f"tenant-{number % 40}",
            "authorization": Authorization(granted=bool(number % 10), permission="invoice.write"),
            "correlation_id": f"{random.getrandbits(64):016x}",
            "attributes": {"amount": str(number % 100_000)},
        }


def measure(bootstrap_servers: str, events: int = 200_000) -> dict[str, float]:
    """Record events in one thread as fast as it goes, all acknowledged by the broker, to a topic of its own.

    Their parts are made beforehand, 10,000 different sets of them. Returns `calls_per_second` and
    `microseconds_per_call` by the clock, `cpu_microseconds_per_call` of the recording thread (with the receipts that
    it hands out), and `acknowledged_per_second`, up to the last receipt.
    """
    topic = f"bench.record.{time_ns()}"
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    config = ProducerConfig(
        bootstrap_servers=bootstrap_servers, topic=topic, service="bench", environment="bench", full_wait=60
    )
    fields = list(varied_fields(10_000))
    with AuditProducer(config) as producer:
        for some in fields[:2_000]:
            producer.record(**some)
        producer.flush(60)
        started, cpu = perf_counter(), thread_time()
        for number in range(events):
            producer.record(**fields[number % len(fields)])
        recorded, cpu = perf_counter() - started, thread_time() - cpu
        producer.flush(120)
        acknowledged = perf_counter() - started
        if producer.counts != (events + 2_000, 0, 0, 0):
            raise RuntimeError(f"of {events + 2_000} events: {producer.counts}")
    return {
        "events": events,
        "calls_per_second": events / recorded,
        "microseconds_per_call": recorded / events * 1e6,
        "cpu_microseconds_per_call": cpu / events * 1e6,
        "acknowledged_per_second": events / acknowledged,
    }
