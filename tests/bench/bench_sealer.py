"""The sealer's records per second next to a bare `consume()` loop over the same topic, in one run.

The loop runs with three settings: the client's defaults, as users have them, with which it waits a second whenever its
queue is full; the sealer's, among which `check.crcs` has each byte looked at once more; and the sealer's without that.
The fastest of them is the reference, whichever it is on a machine.

Each is a process of its own, one at a time, reading one partition. What it takes to begin counts for none of them: the
loop's time runs from its first record to its last; the sealer's from the close of its first block to the close of its
last full one, by the times that it signed, so that the wait for a last block to age doesn't count either. The whole
run, from the recovered head to the last commit, has a line of its own.

A machine that does other work slows both down, and not alike. So the CPU of each one's busiest thread is compared too:
that thread is what a quiet machine waits for.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from urllib.request import urlopen

import psutil
from confluent_kafka import Producer

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_schemas.block import Block
from auditseal_schemas.key import SigningKey
from auditseal_sealer.key_file import store_key
from tests.factory.sealing import read_topic
from tests.factory.secret_files import write_secret

_PASSPHRASE = "benchmark"
_CONSUME = """
import json, psutil, sys, time
from confluent_kafka import Consumer, TopicPartition
servers, topic, wanted, settings = sys.argv[1], sys.argv[2], int(sys.argv[3]), json.loads(sys.argv[4])
consumer = Consumer({"bootstrap.servers": servers, "group.id": "bench", **settings})
consumer.assign([TopicPartition(topic, 0, 0)])
count = len(consumer.consume(1, 30))
begun = time.perf_counter()
while count < wanted:
    count += len(consumer.consume(5000, 0.05))
seconds = time.perf_counter() - begun
print(json.dumps([seconds, max(thread.user_time + thread.system_time for thread in psutil.Process().threads())]))
"""
_UNCHECKED: dict[str, object] = {
    "enable.auto.commit": False,
    "auto.offset.reset": "error",
    "queued.min.messages": 1_000_000,
    "queued.max.messages.kbytes": 65_536,
    "fetch.queue.backoff.ms": 2,
}
_LOOPS: dict[str, dict[str, object]] = {
    "defaults": {},
    "unchecked": _UNCHECKED,
    "as_sealer": {**_UNCHECKED, "check.crcs": True},
}


def measure(bootstrap_servers: str, directory: Path, events: int = 1_000_000, rounds: int = 2) -> dict[str, float]:
    """Return records/s of all, the sealer's ratio to the fastest loop, its resident MiB; the rounds' best."""
    topic = f"bench.sealer.{time.time_ns()}"
    cluster = Cluster({"bootstrap.servers": bootstrap_servers}, 20)
    rules = TopicRules(1, replication=1)
    blocks = [f"{topic}.blocks.{number}" for number in range(rounds)]
    for name in blocks:
        create_topics(cluster, rules, topic, name)
    event_bytes = publish(bootstrap_servers, topic, events)
    bare, bare_cpu, runs, steady = dict.fromkeys(_LOOPS, 0.0), [], [], []
    for name in blocks:
        for loop, settings in _LOOPS.items():
            seconds, cpu = _consume(bootstrap_servers, topic, events, settings)
            bare[loop] = max(bare[loop], events / seconds)
            bare_cpu.append(cpu)
        runs.append(_seal(bootstrap_servers, topic, name, events, directory / name))
        steady.append(_steady(bootstrap_servers, name))
    sealer_cpu = min(run.cpu for run in runs)
    return {
        "events": events,
        "event_bytes": event_bytes / events,
        "blocks": runs[-1].blocks,
        **{f"consume_{loop}_records_per_second": rate for loop, rate in bare.items()},
        "sealer_records_per_second": max(steady),
        "sealer_whole_run_records_per_second": events / min(run.seconds for run in runs),
        "ratio": max(steady) / max(bare.values()),
        "consume_cpu_microseconds": min(bare_cpu) / events * 1e6,
        "sealer_cpu_microseconds": sealer_cpu / events * 1e6,
        "ratio_by_cpu": min(bare_cpu) / sealer_cpu,
        "sealer_resident_mib": max(run.mebibytes for run in runs),
    }


def publish(bootstrap_servers: str, topic: str, events: int) -> int:
    """Publish varied events of about 200 bytes, keys included; return their bytes."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "enable.idempotence": True,
            "compression.type": "zstd",
            "linger.ms": 20,
            "queue.buffering.max.messages": 200_000,
        }
    )
    total = 0
    for key, value in _events(events):
        while True:
            try:
                producer.produce(topic, value, key, 0)
                break
            except BufferError:
                producer.poll(0.1)
        total += len(key) + len(value)
    assert producer.flush(60) == 0
    return total


def _events(count: int) -> Iterator[tuple[bytes, bytes]]:
    """Yield keys and values as an audit event's encoding has them: a random id, times, and words that recur.

    They compress about 4:1; a thousand repeated values would compress 27:1 and flatter the compressor.
    """
    chance = random.Random(20261121)
    services = [b"service-%02d\x0c1.%d.%d\x12pod-%04x" % (n, n % 7, n % 5, n * 977) for n in range(40)]
    actions = [b"invoice.%s" % verb for verb in (b"read", b"list", b"update", b"approve", b"export", b"delete")]
    outcomes = [b"\x00\xc8\x01", b"\x02\xf4\x03", b"\x04\x93\x03not allowed by policy invoices-2"]
    for number in range(count):
        actor = b"user-%05d" % chance.randrange(20_000)
        yield (
            actor,
            b"".join(
                (
                    b"\xc3\x01\x12\x34\x56\x78\x9a\xbc\xde\xf0\x48",
                    b"019aa5c0-%04x-7%03x-%s" % (number >> 16, number & 0xFFF, chance.randbytes(8).hex().encode()),
                    b"\x1cinvoice.access\x0a1.0.0%d\x00\x08DATA" % (1_795_000_000_000_000 + number * 37),
                    chance.choice(services),
                    b"\x14production\x10eu-west-1\x02\x08USER",
                    actor,
                    b"\x0210.12.%d.%d" % (chance.randrange(256), chance.randrange(256)),
                    chance.choices(actions, (60, 20, 10, 5, 4, 1))[0],
                    b"\x02\x0einvoice\x12inv-%07d" % chance.randrange(10**6),
                    chance.choices(outcomes, (95, 3, 2))[0],
                )
            ),
        )


def _consume(bootstrap_servers: str, topic: str, events: int, settings: dict[str, object]) -> tuple[float, float]:
    """Return the seconds of a bare loop, and of them those of CPU that its busiest thread took."""
    command = [sys.executable, "-c", _CONSUME, bootstrap_servers, topic, str(events), json.dumps(settings)]
    seconds, cpu = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=120).stdout)
    return seconds, cpu


class _Run(NamedTuple):
    """One run of the sealer: seconds from the recovered head to the last commit, and CPU of the busiest thread."""

    seconds: float
    cpu: float
    mebibytes: float
    blocks: int


def _seal(bootstrap_servers: str, topic: str, blocks: str, events: int, directory: Path) -> _Run:
    block_age = 0.25  # as before, since the whole run ends with a block that ages
    with running_sealer(bootstrap_servers, topic, blocks, directory, block_age) as (log, port, process):
        while (figures := _metrics(port)).get("auditseal_events_sealed_total", 0) < events:
            time.sleep(0.2)
        begun = datetime.fromisoformat(logged(log, "sealing")["timestamp"]).timestamp()
        _, *others = process.threads()  # the main thread starts the command, and seals nothing
        cpu = max(thread.user_time + thread.system_time for thread in others)
    return _Run(
        figures["auditseal_last_sealed_timestamp_seconds"] - begun,
        cpu,
        figures["process_resident_memory_bytes"] / 2**20,
        int(figures["auditseal_blocks_sealed_total"]),
    )


def _steady(bootstrap_servers: str, blocks: str) -> float:
    """Return the records per second from the close of the first block to the close of the last full one."""
    values = (value for _, value in read_topic(bootstrap_servers, blocks, 0, "read_committed") if value is not None)
    first, *headers = [Block.parse(value).header for value in values][:-1]
    return sum(header.count for header in headers) / (headers[-1].sealed_at - first.sealed_at) * 1e6


class RunningSealer(NamedTuple):
    """A sealer's log, the port of its telemetry, and its process."""

    log: Path
    port: int
    process: psutil.Process


@contextmanager
def running_sealer(
    bootstrap_servers: str, topic: str, blocks: str, directory: Path, block_age: float
) -> Iterator[RunningSealer]:
    """Run `auditseal sealer` with a key and a vault of its own, which a second one in the directory uses again."""
    if not directory.exists():
        (directory / "vault").mkdir(parents=True)
        write_secret(directory / "passphrase", _PASSPHRASE)
        store_key(directory / "key.pem", SigningKey.generate(), _PASSPHRASE)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUDITSEAL_")} | {
        "AUDITSEAL_CLUSTER": "bench.local",
        "AUDITSEAL_VAULT": f"file://{(directory / 'vault').absolute()}",
        "AUDITSEAL_EVENTS_TOPIC": topic,
        "AUDITSEAL_BLOCKS_TOPIC": blocks,
        "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": bootstrap_servers,
        "AUDITSEAL_SEALER__KEY_FILE": str(directory / "key.pem"),
        "AUDITSEAL_SEALER__PASSPHRASE_FILE": str(directory / "passphrase"),
        "AUDITSEAL_SEALER__REPLICATION": "1",
        "AUDITSEAL_SEALER__BLOCK_AGE": str(block_age),
        "AUDITSEAL_SEALER__GROUP": blocks,
    }
    log = directory / "sealer.log"
    command = [sys.executable, "-m", "auditseal", "sealer", "--genesis"]
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=environment, stderr=output)
    try:
        port = int(logged(log, "started")["telemetry"].rpartition(":")[2])
        yield RunningSealer(log, port, psutil.Process(process.pid))
    finally:
        process.terminate()
        assert process.wait(12) == 0


def logged(log: Path, event: str, times: int = 1, seconds: float = 30) -> dict[str, str]:
    """Return the last of the first so many lines of a log about an event, waiting for it."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in log.read_text().splitlines(keepends=True) if line.endswith("\n")]
        if fatal := [entry for entry in lines if entry["level"] == "critical"]:
            raise AssertionError(fatal[0])
        found: list[dict[str, str]] = [entry for entry in lines if entry["event"] == event]
        if len(found) >= times:
            return found[times - 1]
        time.sleep(0.1)
    raise AssertionError(f"{log} doesn't say {event!r} {times} times")


def _metrics(port: int) -> dict[str, float]:
    """Return the metrics of the one log, by name."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    samples = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    return {name.partition("{")[0]: float(value) for name, value in samples}


if __name__ == "__main__":
    import tempfile

    print(json.dumps(measure(sys.argv[1], Path(tempfile.mkdtemp()), int(sys.argv[2])), indent=1))
