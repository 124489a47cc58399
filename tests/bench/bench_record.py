"""How fast `record()` is, where its time goes, and how soon its receipts follow, on a real broker."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from time import clock_gettime, perf_counter, pthread_getcpuclockid, sleep, thread_time, time_ns
from typing import Any

from confluent_kafka import Producer
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
    Stream,
)
from auditseal_producer.outgoing import EventEncoder

LEAST_CALLS = 60_000  # a second
MOST_CPU = 16.0  # µs
_ACTIONS = ("read", "update", "approve", "delete", "export", "login")
_MOST_WAITING = 50_000


def varied_fields(count: int, seed: int = 1) -> Iterator[EventFields]:
    """Yield fields of events of about 260 encoded bytes, no two alike."""
    random = Random(seed)
    for _ in range(count):
        yield _fields(random.getrandbits(32), f"{random.getrandbits(64):016x}")


def _fields(number: int, correlation_id: str) -> EventFields:
    return {
        "actor": Actor("user", f"u-{number % 5_000}", auth_method="oidc", ip=f"10.{number % 251}.{number % 241}.7"),
        "action": _ACTIONS[number % len(_ACTIONS)],
        "resources": [Resource("invoice", f"inv-{number:x}")],
        "outcome": Outcome.SUCCESS if number % 10 else Outcome.DENIED,
        "category": Category.DATA,
        "tenant": f"tenant-{number % 40}",
        "authorization": Authorization(granted=bool(number % 10), permission="invoice.write"),
        "correlation_id": correlation_id,
        "attributes": {"amount": str(number % 100_000)},
    }


def measure(bootstrap_servers: str, events: int = 200_000) -> dict[str, float]:
    """Record events in one thread as fast as it goes, all acknowledged by the broker, to a topic of its own.

    Their parts are made beforehand, 10,000 different sets of them, and the handles are kept. Returns
    `calls_per_second` and `microseconds_per_call` by the clock, `cpu_microseconds` a call of the recording thread and
    the one that hands out receipts, `acknowledged_per_second` up to the last receipt, and the CPU of each stage:
    `parts_microseconds`, `encode_microseconds`, `queue_microseconds` (the rest of the recording thread) and
    `receipt_microseconds`. `bare_cpu_microseconds` is the client's own produce() with a delivery callback.
    """
    topic = f"bench.record.{time_ns()}"
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    config = ProducerConfig(
        bootstrap_servers=bootstrap_servers, topic=topic, service="bench", environment="bench", full_wait=60
    )
    fields = list(varied_fields(10_000))
    figures = _record(config, fields, events)
    encoder = EventEncoder(config.source, Stream("0191e3a0-7b6c-7def-8123-456789abcdef", 0), config.redact)
    encode = _cpu_of(lambda: [encoder.encode(some) for some in fields], len(fields))
    parts = _cpu_of(lambda: [_parts(number) for number in range(len(fields))], len(fields))
    return figures | {
        "parts_microseconds": parts,
        "encode_microseconds": encode,
        "queue_microseconds": figures["recording_microseconds"] - encode,
        "bare_cpu_microseconds": _produce_bare(config, encoder, fields, events),
    }


def _record(config: ProducerConfig, fields: list[EventFields], events: int) -> dict[str, float]:
    with AuditProducer(config) as producer:
        for some in fields[:2_000]:
            producer.record(**some)
        producer.flush(60)
        serving = _clock_of("auditseal-producer")
        started, cpu, served = perf_counter(), thread_time(), serving()
        handles = [producer.record(**fields[number % len(fields)]) for number in range(events)]
        recorded, cpu = perf_counter() - started, thread_time() - cpu
        producer.flush(120)
        acknowledged, served = perf_counter() - started, serving() - served
        if producer.counts != (events + 2_000, 0, 0, 0) or not all(handle.done() for handle in handles):
            raise RuntimeError(f"of {events + 2_000} events: {producer.counts}")
    return {
        "events": events,
        "calls_per_second": events / recorded,
        "microseconds_per_call": recorded / events * 1e6,
        "cpu_microseconds": (cpu + served) / events * 1e6,
        "recording_microseconds": cpu / events * 1e6,
        "receipt_microseconds": served / events * 1e6,
        "acknowledged_per_second": events / acknowledged,
    }


def _produce_bare(config: ProducerConfig, encoder: EventEncoder, fields: list[EventFields], events: int) -> float:
    """Return the microseconds of CPU that produce() and a callback take, by the two threads that a producer has."""
    encoded = [(outgoing.key, outgoing.place(0)[0]) for outgoing in map(encoder.encode, fields)]
    client = Producer(config.librdkafka)
    taken: list[object] = []
    stopping = threading.Event()

    def take(_: int, error: object, message: object) -> None:
        taken.append(error)

    def serve() -> None:
        while not stopping.is_set():
            client.poll(0.1)

    thread = threading.Thread(target=serve, name="bare-producer")
    thread.start()
    serving = _clock_of("bare-producer")
    cpu, served, paused = thread_time(), serving(), 0.0
    for number in range(events):
        key, value = encoded[number % len(encoded)]
        client.produce(config.topic, value, key, -1, partial(take, number))
        if number % 1_000 == 0 and number - len(taken) > _MOST_WAITING:
            begun = thread_time()
            while number - len(taken) > 1_000:
                sleep(0.001)
            paused += thread_time() - begun
    cpu = thread_time() - cpu - paused
    client.flush()
    served = serving() - served
    stopping.set()
    thread.join()
    if taken != [None] * events:
        raise RuntimeError(f"of {events} messages {taken.count(None)} were acknowledged")
    return (cpu + served) / events * 1e6


def _parts(number: int) -> object:
    return (
        Actor("user", "u-1842", auth_method="oidc", ip="10.7.7.7"),
        Resource("invoice", "inv-2201"),
        Authorization(granted=True, permission="invoice.write"),
    )


def _clock_of(name: str) -> Callable[[], float]:
    """Return the clock of a thread's CPU time, in seconds."""
    (ident,) = [thread.ident for thread in threading.enumerate() if thread.name == name]
    return partial(clock_gettime, pthread_getcpuclockid(ident or 0))


def _cpu_of(run: Callable[[], Any], count: int) -> float:
    """Return the least microseconds of CPU an item of five runs."""
    least = float("inf")
    for _ in range(5):
        begun = thread_time()
        run()
        least = min(least, thread_time() - begun)
    return least / count * 1e6
