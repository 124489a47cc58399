"""One sealer on many partitions with a few events a second each: threads, descriptors, CPU a block, and latency.

`python -m tests.bench.bench_partitions 64 256 --block-age 5`

Each event's latency runs from just before it is handed to the producer to the moment at which a consumer of committed
blocks has its block. The sealer begins with the usual soft limit of 1,024 descriptors, whatever this process has.

A broker that has just begun is slow for the first seconds. So the events of the second half have figures of their own.
"""

import argparse
import json
import resource
import statistics
import struct
import tempfile
import threading
import time
from pathlib import Path
from random import Random
from typing import ClassVar, NamedTuple

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_local.kafka import KafkaNode, KafkaSettings
from auditseal_schemas.block import Block
from tests.bench.bench_pipeline import BLOCK_AGE
from tests.bench.bench_sealer import logged, running_sealer
from tests.bench.bench_verify import cpu_seconds

RATE = 10  # events/s in each partition
SECONDS = 20
USUAL_SOFT_LIMIT = 1_024
_START_SECONDS = 300
_PRODUCER = {"linger.ms": 5, "enable.idempotence": True}
"""As auditseal's producer. Without idempotence the client sends each record alone, any number of them at once, and the
broker answers them one by one: then most of an event's time passes before it is in its topic."""
_BUSY = 0.005  # s


class _PatientKafka(KafkaNode):
    """A broker that may take long to begin: measurements run on machines that do other work too."""

    start_seconds: ClassVar[float] = 300


def measure(
    bootstrap_servers: str, directory: Path, partitions: int, rate: int = RATE, block_age: float = BLOCK_AGE
) -> dict[str, float]:
    """Return threads and descriptors a partition, CPU a block and an event's seconds until it is sealed.

    `rate` is that of one partition, in events/s. `cpu_seconds` is the sealer's CPU while they are published and sealed.
    `start_cpu_seconds` is the CPU of a second sealer, from its first log line until it seals all partitions.
    """
    topic = f"bench.partitions.{time.time_ns()}"
    create_topics(
        Cluster({"bootstrap.servers": bootstrap_servers}, 60),
        TopicRules(partitions, replication=1),
        topic,
        f"{topic}.blocks",
    )
    _limit_descriptors()
    with running_sealer(bootstrap_servers, topic, f"{topic}.blocks", directory, block_age) as sealer:
        logged(sealer.log, "sealing", partitions, _START_SECONDS)
        idle = _cpu_while_idle(sealer.process)
        before, client_before = cpu_seconds(sealer.process.pid), _client_cpu(sealer.process)
        sealed, blocks = _publish_and_wait(bootstrap_servers, topic, partitions, rate)
        cpu, client_cpu = cpu_seconds(sealer.process.pid) - before, _client_cpu(sealer.process) - client_before
        threads, descriptors = sealer.process.num_threads(), sealer.process.num_fds()
        resident = sealer.process.memory_info().rss / 2**20
    with running_sealer(bootstrap_servers, topic, f"{topic}.blocks", directory, block_age) as sealer:
        before = cpu_seconds(sealer.process.pid)
        logged(sealer.log, "sealing", partitions, _START_SECONDS)
        start_cpu = cpu_seconds(sealer.process.pid) - before
    ages, warm = [each.age for each in sealed], [each.age for each in sealed if each.elapsed >= SECONDS / 2]
    return {
        "partitions": partitions,
        "block_age": block_age,
        "threads_per_partition": threads / partitions,
        "descriptors": descriptors,
        "idle_cores": idle,
        "blocks": blocks,
        "cpu_seconds": cpu,
        "cpu_milliseconds_per_block": cpu / blocks * 1000,
        "client_cpu_milliseconds_per_block": client_cpu / blocks * 1000,
        "sealed_p50_seconds": statistics.median(ages),
        "sealed_p99_seconds": statistics.quantiles(ages, n=100)[98],
        "warm_p50_seconds": statistics.median(warm),
        "warm_p99_seconds": statistics.quantiles(warm, n=100)[98],
        "resident_mib": resident,
        "start_cpu_seconds": start_cpu,
    }


def _limit_descriptors() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(USUAL_SOFT_LIMIT, hard), hard))


def _client_cpu(process: psutil.Process) -> float:
    """Return the CPU of the Kafka client's own threads, which are named `rdk:…`; all others run Python."""
    own = [each for each in process.threads() if _thread_name(process.pid, each.id).startswith("rdk:")]
    return float(sum(each.user_time + each.system_time for each in own))


def _thread_name(pid: int, thread: int) -> str:
    try:
        return Path(f"/proc/{pid}/task/{thread}/comm").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""  # it has ended


def _cpu_while_idle(process: psutil.Process) -> float:
    """Return the cores that the sealer takes while no event comes."""
    begun, before = time.monotonic(), cpu_seconds(process.pid)
    time.sleep(5)
    return (cpu_seconds(process.pid) - before) / (time.monotonic() - begun)


class _Sealed(NamedTuple):
    """An event: when it was published, in seconds since the first one, and the seconds until it was sealed."""

    elapsed: float
    age: float


def _publish_and_wait(bootstrap_servers: str, topic: str, partitions: int, rate: int) -> tuple[list[_Sealed], int]:
    """Publish at the rate, read the blocks, and return each event as it was sealed, and the number of blocks."""
    total = partitions * rate * SECONDS
    publisher = threading.Thread(target=_publish, args=(bootstrap_servers, topic, partitions, rate, total))
    consumer = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": topic, "fetch.wait.max.ms": 20})
    consumer.assign([TopicPartition(f"{topic}.blocks", number, 0) for number in range(partitions)])
    began = time.time()
    publisher.start()
    sealed, blocks, deadline = list[_Sealed](), 0, time.monotonic() + SECONDS + 120
    while len(sealed) < total:
        assert time.monotonic() < deadline, f"{len(sealed)} of {total} events are sealed"
        message = consumer.poll(0.05)
        if message is None or message.error() is not None:
            continue
        arrived, block = time.time(), Block.parse(message.value() or b"")
        blocks += 1
        for record in block.records():
            assert record.value is not None
            (published,) = struct.unpack_from("<d", record.value)
            sealed.append(_Sealed(published - began, arrived - published))
    publisher.join()
    consumer.close()
    return sealed, blocks


def _publish(bootstrap_servers: str, topic: str, partitions: int, rate: int, total: int) -> None:
    producer, dice, began = Producer({"bootstrap.servers": bootstrap_servers, **_PRODUCER}), Random(1), time.time()
    for sent in range(total):
        while time.time() - began < sent / (partitions * rate):
            producer.poll(_BUSY)
        producer.produce(topic, struct.pack("<d", time.time()) + dice.randbytes(200), partition=sent % partitions)
    assert producer.flush(60) == 0


def main() -> None:
    """Measure at each number of partitions that was named, on a broker of its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("partitions", nargs="*", type=int, default=[64])
    parser.add_argument("--block-age", type=float, default=BLOCK_AGE, help="seconds")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as name,
        _PatientKafka(Path(name) / "kafka", KafkaSettings(heap_mib=1024)) as kafka,
    ):
        for partitions in options.partitions:
            directory = Path(name) / str(partitions)
            figures = measure(kafka.bootstrap_servers, directory, partitions, block_age=options.block_age)
            print(json.dumps(figures, indent=1), flush=True)


if __name__ == "__main__":
    main()
