"""Producers without a spool, killed at random moments: `python -m tests.faults.stream_kills PRODUCERS [SEED]`.

Each producer is a process that notes each number which `record` accepted. Some fork once, and both processes record.
Most are killed by SIGKILL, some end in order. The topic's events are sealed into a vault, and `auditseal streams` must
show each loss: as a GAP, or as a number above the last one of a stream that is UNCLOSED. A sealed number is never in a
gap, and a stream that was closed is COMPLETE.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from itertools import count
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local.kafka import KafkaNode
from auditseal_producer import Actor, AuditProducer, Outcome, ProducerConfig, Resource
from auditseal_schemas.event_codec import decode_event
from tests.factory.stream_logs import StreamVault
from tests.faults.rig import read_all

PARTITIONS = 3
_LONGEST = 1.5  # s that a producer lives
_SECONDS_A_PRODUCER = 8.0
_BUFFER = 2_000  # events: the longest tail that a kill can take
_BLOCK = 5_000  # records
Numbers = dict[str, set[int]]


def run(servers: str, topic: str, folder: Path, producers: int, seed: int) -> dict[str, int]:
    """Run so many producers in processes of their own, and check what `auditseal streams` says of them.

    Raises:
        AssertionError: A loss isn't shown, or a gap is false.
    """
    command = [
        sys.executable,
        "-m",
        "tests.faults.stream_kills",
        servers,
        topic,
        str(folder),
        str(producers),
        str(seed),
    ]
    subprocess.run(command, check=True, timeout=60 + producers * _SECONDS_A_PRODUCER)
    accepted, closed = read_notes(folder / "accepted"), read_notes(folder / "closed")
    sealed: Numbers = defaultdict(set)
    vault, values = StreamVault(folder), read_all(servers, topic, PARTITIONS)
    for value in values:
        stream = decode_event(value).stream
        sealed[stream.id].add(stream.sequence)
    for start in range(0, len(values), _BLOCK):
        vault.seal(values[start : start + _BLOCK], timestamp=int(time.time() * 1000) - 1000)
    return check(accepted, closed, sealed, vault) | {"producers": producers}


def check(accepted: Numbers, closed: Numbers, sealed: Numbers, vault: StreamVault) -> dict[str, int]:
    """Compare what was accepted and sealed with what the command says; return the figures."""
    done = vault.run("--json", "--settle", "0")
    assert done.exit_code in {0, 3}, done.output
    lines = {line["stream"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert lines.keys() == sealed.keys()
    figures = {"events": 0, "streams": len(accepted), "in gaps": 0, "in tails": 0, "complete": 0}
    for stream, numbers in accepted.items():
        line = lines.get(stream, {"gaps": [], "last": -1, "states": ["UNCLOSED"]})
        missing = {number for first, last in line["gaps"] for number in range(first, last + 1)}
        tail = {number for number in numbers if number > line["last"]}
        assert not missing & sealed[stream], f"{stream}: a gap has sealed numbers"
        assert numbers - sealed[stream] <= missing | tail, f"{stream}: a loss isn't shown"
        assert not tail or (line["states"][-1] == "UNCLOSED" and len(tail) <= _BUFFER + 1), f"{stream}: {line}"
        if stream in closed:
            assert line["states"] == ["COMPLETE"], f"{stream} was closed: {line}"
        figures["events"] += len(numbers)
        figures["in gaps"] += len(missing)
        figures["in tails"] += len(tail)
        figures["complete"] += line["states"] == ["COMPLETE"]
    return figures


def read_notes(path: Path) -> Numbers:
    """Return the numbers that a file notes, by stream; the last line may be cut by a kill."""
    found: Numbers = defaultdict(set)
    if path.exists():
        for line in path.read_text("ascii").splitlines():
            stream, _, number = line.partition(" ")
            found[stream].add(int(number))
    return found


def start_many(servers: str, topic: str, folder: Path, producers: int, seed: int) -> None:
    """Run producers one after the other, in a process without threads, so that each is a fork of it."""
    generator = random.Random(seed)
    config = ProducerConfig(
        bootstrap_servers=servers,
        topic=topic,
        service="billing",
        environment="kills",
        buffer_events=_BUFFER,
        heartbeat=1,
        kafka={"linger.ms": 50},
    )
    for number in range(producers):
        is_closed, is_forked = number % 4 == 3, number % 3 == 2
        child = os.fork()
        if child == 0:
            os.setpgid(0, 0)
            record_events(config, folder, seconds=0.3 if is_closed else 3_600.0, is_forked=is_forked)
        if not is_closed:
            time.sleep(generator.uniform(0, _LONGEST))
            while not kill_group(child):
                time.sleep(0.01)
        os.waitpid(child, 0)


def kill_group(leader: int) -> bool:
    """Kill a process and its children; return False where it doesn't lead its group yet."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def record_events(config: ProducerConfig, folder: Path, *, seconds: float, is_forked: bool) -> None:
    """Record for some seconds, noting each accepted number by a write that a kill can't take back, and close."""
    try:
        producer = AuditProducer(config)
        child = os.fork() if is_forked else None
        file = os.open(folder / "accepted", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        end = time.monotonic() + seconds
        for number in count():
            if time.monotonic() > end:
                break
            pending = producer.record(
                actor=Actor("user", f"u-{number % 50}"),
                action="pay",
                resources=[Resource("invoice", "1")],
                outcome=Outcome.SUCCESS,
            )
            os.write(file, f"{pending.stream.id} {pending.stream.sequence}\n".encode())
        producer.close(60)
        note = os.open(folder / "closed", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(note, f"{pending.stream.id} 0\n".encode())
        if child:
            os.waitpid(child, 0)
    finally:
        os._exit(0)


def main(arguments: Sequence[str]) -> None:
    """Run a campaign on a Kafka of its own, and print its figures."""
    producers, seed = int(arguments[0]), int((*arguments[1:], "1")[0])
    with tempfile.TemporaryDirectory(prefix="auditseal-kills-") as name, KafkaNode(Path(name) / "kafka") as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        admin.create_topics([NewTopic("streams", PARTITIONS, 1)])["streams"].result(20)
        print(json.dumps(run(kafka.bootstrap_servers, "streams", Path(name), producers, seed) | {"seed": seed}))


if __name__ == "__main__":
    if len(sys.argv) == 6:
        start_many(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
    else:
        main(sys.argv[1:])
