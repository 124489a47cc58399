"""How fast `record()` is with a spool: threads that share the syncs of the disk, and a broker that takes all events."""

import os
import threading
from collections.abc import Iterator
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
    delivery included, and `alone_calls_per_second` of one thread, where each event has a sync of its own. What the disk
    itself takes for as much as such a commit writes, before and after: `sync_p50_ms` and `sync_p99_ms`.
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
    syncs = list(_bare_syncs(folder))
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
    syncs += _bare_syncs(folder)
    return {
        "calls_per_second": len(seconds) / recorded,
        **_quantiles("", seconds),
        **_quantiles("sync_", syncs),
        "cpu_microseconds_per_call": cpu / len(seconds) * 1e6,
        "alone_calls_per_second": alone,
    }


def _bare_syncs(folder: Path) -> Iterator[float]:
    """Yield how long each of 200 writes takes with its fdatasync: 12 KiB, as 32 events in a write-ahead file."""
    with (folder / "bare").open("wb", buffering=0) as file:
        for _ in range(200):
            started = perf_counter()
            file.write(bytes(12 << 10))
            os.fdatasync(file.fileno())
            yield perf_counter() - started


def _quantiles(name: str, seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"{name}p{share}_ms": ordered[len(ordered) * share // 100] * 1e3 for share in (50, 99)}
