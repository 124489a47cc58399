"""How fast `record()` is with a spool: threads that share the syncs of the disk, and a broker that takes all events."""

import threading
from pathlib import Path
from time import perf_counter, process_time, time_ns

from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_producer import AuditProducer, ProducerConfig
from tests.bench.bench_record import varied_fields

MOST_P99_MS = 20.0
_THREADS = 32


def measure(bootstrap_servers: str, folder: Path, events: int = 64_000) -> dict[str, float]:
    """Record events in 32 threads as fast as it goes, to a spool in a folder and a topic of its own.

    Returns `calls_per_second`, `p50_ms` and `p99_ms` of a call, `cpu_microseconds_per_call` of the whole process, its
    delivery included, and `alone_calls_per_second` of one thread, where each event has a sync of its own.
    """
    topic = f"bench.spool.{time_ns()}"
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(20)
    folder.mkdir(parents=True, exist_ok=True)
    config = ProducerConfig(
        bootstrap_servers=bootstrap_servers,
        topic=topic,
        service="bench",
        environment="bench",
        spool=folder / "bench.spool",
    )
    fields = list(varied_fields(10_000))
    seconds: list[float] = []
    with AuditProducer(config) as producer:

        def work(begin: int, count: int) -> None:
            for number in range(begin, begin + count):
                started = perf_counter()
                producer.record(**fields[number % len(fields)])
                seconds.append(perf_counter() - started)

        work(0, 500)
        alone = len(seconds) / sum(seconds)
        seconds.clear()
        each = events // _THREADS
        threads = [threading.Thread(target=work, args=(number * each, each)) for number in range(_THREADS)]
        started, cpu = perf_counter(), process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        recorded, cpu = perf_counter() - started, process_time() - cpu
        producer.flush(120)
        if producer.counts != (each * _THREADS + 500, 0, 0, 0):
            raise RuntimeError(f"of {each * _THREADS + 500} events: {producer.counts}")
    seconds.sort()
    return {
        "calls_per_second": len(seconds) / recorded,
        "p50_ms": seconds[len(seconds) // 2] * 1e3,
        "p99_ms": seconds[len(seconds) * 99 // 100] * 1e3,
        "cpu_microseconds_per_call": cpu / len(seconds) * 1e6,
        "alone_calls_per_second": alone,
    }
