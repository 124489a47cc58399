"""From produce to a locked object: all daemons, a real Kafka and a real MinIO on this machine.

A quiet phase gives the latency of a few events a second from produce to sealed: to the moment at which a consumer of
committed blocks has the event's block. A steady phase gives latencies to the vault, a burst the throughput and the
daemons' memory. There a record's latency runs from just
before it is handed to the producer to the moment at which a listing of the bucket first shows its block, so it includes
the listing's own interval.
"""

import statistics
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import psutil
from confluent_kafka import Consumer, Producer, TopicPartition

from auditseal.demo.processes import Processes
from auditseal_local.minio import MinioNode
from auditseal_local.process import Child
from auditseal_schemas.block import Block
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import VaultReader
from auditseal_vault.open import open_reader
from tests.factory.secret_files import write_secret

PARTITIONS = 2
QUIET_RATE = 5  # events/s
QUIET_SECONDS = 30
STEADY_RATE = 20_000  # events/s
STEADY_SECONDS = 15
LISTING_SECONDS = 0.02
BLOCK_AGE = 0.25  # s: the low-latency profile
DONE_SECONDS = 180
CLUSTER, EVENTS = "bench.local", "bench.pipeline"
ORIGINS = [Origin(CLUSTER, EVENTS, partition, 0) for partition in range(PARTITIONS)]


@dataclass
class Arrivals:
    """When each block was first listed in the vault."""

    reader: VaultReader
    seen: dict[str, float] = field(default_factory=dict)
    records: int = 0
    _latest: dict[Origin, str] = field(default_factory=dict)

    def look(self) -> None:
        """List what is new, and count its records."""
        for origin in ORIGINS:
            for stored in self.reader.versions(origin.blocks_prefix, self._latest.get(origin, "")):
                self.seen[stored.key] = time.time()
                self._latest[origin] = stored.key
                self.records += Block.parse(self.reader.read(stored.key, stored.version_id)).header.count

    def wait_for(self, records: int, pause: float = LISTING_SECONDS) -> float:
        """Wait until that many records are locked, with a pause between two looks; return when the last one was."""
        deadline = time.monotonic() + DONE_SECONDS
        while self.records < records:
            assert time.monotonic() < deadline, f"{self.records} of {records} records are locked"
            self.look()
            time.sleep(pause)
        return max(self.seen.values())

    def latencies(self) -> Iterator[float]:
        """Yield the seconds from produce to locked of each record since `forget`."""
        for key, arrived in self.seen.items():
            yield from _ages(Block.parse(self.reader.read(key)), arrived)

    def forget(self) -> None:
        """Leave out of the latencies what was seen so far."""
        self.seen.clear()


def measure(bootstrap_servers: str, minio: MinioNode, directory: Path, burst: int = 600_000) -> dict[str, float]:
    """Return p50 and p99 in seconds, records/s of the burst, and each daemon's peak resident MiB."""
    with pipeline(bootstrap_servers, minio, directory) as (arrivals, daemons):
        quiet = _publish_quietly(bootstrap_servers)
        arrivals.wait_for(len(quiet))
        arrivals.forget()
        steady = len(quiet) + _publish_steadily(bootstrap_servers, arrivals)
        arrivals.wait_for(steady)
        latencies = sorted(arrivals.latencies())
        memory = _Memory(daemons)
        began = time.time()
        publisher = threading.Thread(target=_publish, args=(bootstrap_servers, burst))
        publisher.start()
        locked = arrivals.wait_for(steady + burst)
        publisher.join()
        resident = memory.stop()
    centiles, quiet_centiles = statistics.quantiles(latencies, n=100), statistics.quantiles(quiet, n=100)
    return {
        "quiet_events_per_second": QUIET_RATE,
        "quiet_sealed_p50_seconds": quiet_centiles[49],
        "quiet_sealed_p99_seconds": quiet_centiles[98],
        "steady_events_per_second": STEADY_RATE,
        "p50_seconds": centiles[49],
        "p99_seconds": centiles[98],
        "burst_events": burst,
        "burst_records_per_second": burst / (locked - began),
        **resident,
    }


@contextmanager
def pipeline(
    bootstrap_servers: str, minio: MinioNode, directory: Path, block_age: float = BLOCK_AGE
) -> Iterator[tuple[Arrivals, dict[str, Child]]]:
    """Run a sealer and an archiver until the block of code ends; yield what arrives, and the daemons by their names."""
    directory.mkdir(parents=True)
    bucket = f"bench-{time.time_ns()}"
    minio.make_bucket(bucket)
    write_secret(directory / "passphrase", "benchmark")
    environment = {
        **minio.client_environment(),
        "AUDITSEAL_CLUSTER": CLUSTER,
        "AUDITSEAL_VAULT": minio.vault_url(bucket),
        "AUDITSEAL_EVENTS_TOPIC": EVENTS,
        "AUDITSEAL_BLOCKS_TOPIC": f"{EVENTS}.blocks",
        "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        "AUDITSEAL_SEALER__KEY_FILE": str(directory / "key.pem"),
        "AUDITSEAL_SEALER__PASSPHRASE_FILE": str(directory / "passphrase"),
        "AUDITSEAL_SEALER__REPLICATION": "1",
        "AUDITSEAL_SEALER__BLOCK_AGE": str(block_age),
        "AUDITSEAL_ARCHIVER__TRUST_FILE": str(directory / "trust.txt"),
        "AUDITSEAL_ARCHIVER__RETENTION_DAYS": "1",
    }
    processes = Processes(environment, directory)
    key = [str(directory / "key.pem"), "--passphrase-file", str(directory / "passphrase")]
    (directory / "trust.txt").write_text(processes.command("keys", "new", *key, "--partitions", str(PARTITIONS)))
    processes.command("topics", "create", "--partitions", str(PARTITIONS), "--replication", "1")
    with processes.daemons({"sealer": ("--genesis",), "archiver": ()}) as daemons:
        yield Arrivals(_reader(minio, bucket)), daemons


def _reader(minio: MinioNode, bucket: str) -> VaultReader:
    import os

    os.environ.update(minio.client_environment())
    return open_reader(minio.vault_url(bucket))


def fast_producer(bootstrap_servers: str) -> Producer:
    """Return a client that publishes as fast as it can, with its full durability."""
    return Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "linger.ms": 5,
            "compression.type": "lz4",
            "queue.buffering.max.messages": 200_000,
        }
    )


def _value(dice: Random) -> bytes:
    """Varied bytes of an event's size, the time of their making first."""
    text = f"user-{dice.randrange(20_000)} invoice.approve /invoices/{dice.randrange(10**6)} eu-west acorn oidc SUCCESS"
    return struct.pack("<d", time.time()) + dice.randbytes(48) + text.encode() * 2


def _ages(block: Block, arrived: float) -> Iterator[float]:
    """Yield the seconds from produce to an arrival of each of a block's records."""
    for record in block.records():
        assert record.value is not None
        (produced,) = struct.unpack_from("<d", record.value)
        yield arrived - produced


def _publish_quietly(bootstrap_servers: str) -> list[float]:
    """Publish a few events a second; return each one's seconds from produce to sealed, once all are."""
    producer, dice, sent, ages = fast_producer(bootstrap_servers), Random(3), 0, list[float]()
    blocks = Consumer({"bootstrap.servers": bootstrap_servers, "group.id": "bench.quiet", "fetch.wait.max.ms": 20})
    blocks.assign([TopicPartition(f"{EVENTS}.blocks", number, 0) for number in range(PARTITIONS)])
    began = time.monotonic()
    while len(ages) < QUIET_RATE * QUIET_SECONDS:
        elapsed = time.monotonic() - began
        assert elapsed < QUIET_SECONDS + DONE_SECONDS, f"{len(ages)} of {sent} quiet events are sealed"
        if sent < min(elapsed, QUIET_SECONDS) * QUIET_RATE:
            producer.produce(EVENTS, _value(dice), partition=sent % PARTITIONS)
            sent += 1
        producer.poll(0)
        message = blocks.poll(0.005)
        if message is not None and message.error() is None:
            ages += _ages(Block.parse(message.value() or b""), time.time())
    blocks.close()
    return ages


def _publish_steadily(bootstrap_servers: str, arrivals: Arrivals) -> int:
    producer, dice, sent = fast_producer(bootstrap_servers), Random(1), 0
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < STEADY_SECONDS:
        while sent < elapsed * STEADY_RATE:
            producer.produce(EVENTS, _value(dice), partition=sent % PARTITIONS)
            sent += 1
        producer.poll(0)
        arrivals.look()
        time.sleep(LISTING_SECONDS)
    assert producer.flush(30) == 0
    return sent


def _publish(bootstrap_servers: str, count: int) -> None:
    producer, dice = fast_producer(bootstrap_servers), Random(2)
    for number in range(count):
        while True:
            try:
                producer.produce(EVENTS, _value(dice), partition=number % PARTITIONS)
                break
            except BufferError:
                producer.poll(0.05)
    assert producer.flush(60) == 0


class _Memory:
    """Samples the daemons' resident memory once in a while: each process below its guard."""

    def __init__(self, daemons: dict[str, Child]) -> None:
        self._daemons = {name: psutil.Process(child.identity.pid).children()[0] for name, child in daemons.items()}
        self._samples: dict[str, list[int]] = {name: [] for name in daemons}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample)
        self._thread.start()

    def _sample(self) -> None:
        while not self._over.wait(0.25):
            for name, process in self._daemons.items():
                self._samples[name].append(process.memory_info().rss)

    def stop(self) -> dict[str, float]:
        """Return the peaks, and how much the second half of the burst exceeds the first."""
        self._over.set()
        self._thread.join()
        figures = {}
        for name, samples in self._samples.items():
            half = len(samples) // 2
            figures[f"{name}_peak_mib"] = max(samples) / 2**20
            figures[f"{name}_growth_mib"] = (max(samples[half:]) - max(samples[:half])) / 2**20
        return figures
