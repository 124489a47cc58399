"""Producers whose connections break, before sealers that take each other's partitions: no gap may be false.

    python -m tests.faults.stream_gaps EVENTS [SEED]

Each producer is a process that forks once; both processes record, and close in order. Their way to the broker breaks
every second, and they connect again at once, so that librdkafka sends batches again. Of two sealers one is killed soon
after it has begun to seal, again and again, so that the partitions move. In the end `auditseal streams` must call each
stream COMPLETE, with as many numbers as were accepted and no gap, and no look on the way may show a gap either.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from auditseal_producer import Actor, AuditProducer, Outcome, ProducerConfig, Resource
from tests.faults.daemon import Daemon, own_environment, run_command
from tests.faults.rig import Pipeline, Rig

PARTITIONS = 3
PRODUCERS = 4
_BREAK_EVERY, _KILL_EVERY, _LOOK_EVERY = 1.0, 4.0, 2.0  # s
_BEGIN_SECONDS = 120
_CONNECT_AGAIN = {"reconnect.backoff.max.ms": 500}
"""librdkafka's own 10 s would leave the producers without a connection for most of the time."""
_DRAIN_SECONDS = 900


def run(rig: Rig, events: int, kill_every: float = _KILL_EVERY) -> dict[str, float]:
    """Record so many events, kill a sealer every so many seconds, and check what `auditseal streams` says.

    Raises:
        AssertionError: A gap is false, or an event is missing.
    """
    pipe, looks, kills = rig.pipeline("gaps", partitions=PARTITIONS), 0, [0.0]
    with pipe.archiver(), pipe.sealer("first") as first, pipe.sealer("second") as second:
        second.await_told("sealing", 0, _BEGIN_SECONDS)
        with (
            repeated(rig.kafka_proxy.reset, _BREAK_EVERY, random.Random(rig.seed)) as resets,
            repeated(partial(kill_if_it_seals, second, kills), kill_every, random.Random(-rig.seed)),
        ):
            children = [start(pipe, events // PRODUCERS // 2) for _ in range(PRODUCERS)]
            while any(child.poll() is None for child in children):
                time.sleep(_LOOK_EVERY)
                assert not [line for line in look(pipe) if line["gap_count"]], "a gap is false"
                looks += 1
            assert [child.returncode for child in children] == [0] * PRODUCERS
        pipe.await_ends(pipe.log_ends(), _DRAIN_SECONDS)
    lines = look(pipe, "--settle", "0")
    accepted = dict(note.split() for note in (pipe.folder / "closed").read_text("ascii").splitlines())
    assert {line["stream"]: line["numbers"] for line in lines} == {stream: int(n) for stream, n in accepted.items()}
    assert [line for line in lines if line["states"] != ["COMPLETE"]] == []
    return {
        "events": sum(line["numbers"] for line in lines),
        "streams": len(lines),
        "repeated": sum(line["repeated"] for line in lines),
        "resets": len(resets),
        "kills": len(kills) - 1,
        "sealings": sum(len(sealer.told("sealing")) for sealer in (first, second)),
        "looks": looks,
    }


def kill_if_it_seals(sealer: Daemon, kills: list[float]) -> None:
    """Kill a sealer that has begun to seal since its last kill: only then does a partition move."""
    if sealer.told("sealing", kills[-1]):
        sealer.kill()
        kills.append(time.time())


@contextmanager
def repeated(act: Callable[[], object], every: float, generator: random.Random) -> Iterator[list[float]]:
    """Do something again and again within, about `every` so many seconds; yield the times when it was done."""
    over, times = threading.Event(), list[float]()

    def run() -> None:
        while not over.wait(every * generator.uniform(0.5, 1.5)):
            act()
            times.append(time.monotonic())

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield times
    finally:
        over.set()
        thread.join()


def start(pipe: Pipeline, events: int) -> "subprocess.Popen[bytes]":
    """Start a producer that records so many events in each of two processes."""
    words = [pipe.rig.kafka_proxy.address, pipe.events, str(pipe.folder / "closed"), str(events)]
    return subprocess.Popen([sys.executable, "-m", "tests.faults.stream_gaps", *words], env=own_environment())


def look(pipe: Pipeline, *words: str) -> list[dict[str, Any]]:
    """Return what `auditseal streams` says of each stream of the vault, as it is now."""
    options = ["--json", *pipe.vault_options(), "--state", str(pipe.folder / f"state{len(words)}"), *words]
    printed = run_command(pipe.rig.minio.client_environment(), "streams", *options, codes=(0, 3))
    return [json.loads(line) for line in printed.splitlines()]


def record_events(servers: str, topic: str, closed: Path, events: int) -> None:
    """Record in this process and in a fork of it, close, and note how many numbers each stream has."""
    config = ProducerConfig(
        bootstrap_servers=servers,
        topic=topic,
        service="billing",
        environment="gaps",
        heartbeat=3_600,
        full_wait=_DRAIN_SECONDS,
        kafka=_CONNECT_AGAIN,
    )
    producer = AuditProducer(config)
    child = os.fork()
    for number in range(events):
        pending = producer.record(
            actor=Actor("user", f"u-{number % 50}"),
            action="pay",
            resources=[Resource("invoice", str(number))],
            outcome=Outcome.SUCCESS,
        )
        stream = pending.stream.id
    producer.close(_DRAIN_SECONDS)
    numbers = events + 2  # and those that it is opened and closed
    note = os.open(closed, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(note, f"{stream} {numbers}\n".encode())
    if child == 0:
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, f"the fork ended with {status}"


def main(arguments: Sequence[str]) -> None:
    """Run a campaign on servers of its own, and print its figures."""
    events, seed = int(arguments[0]), int((*arguments[1:], "1")[0])
    with tempfile.TemporaryDirectory(prefix="auditseal-gaps-") as name, Rig(Path(name) / "rig", seed) as rig:
        print(json.dumps(run(rig, events) | {"seed": seed}))


if __name__ == "__main__":
    if len(sys.argv) == 5:
        record_events(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
    else:
        main(sys.argv[1:])
