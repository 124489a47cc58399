"""A producer with a spool, killed at random moments: `python -m tests.faults.spool_kills KILLS [SEED]`.

Each round is a process that opens the one spool, records events in some threads as fast as it goes, notes each id that
`record` accepted, and is killed by SIGKILL. The last producer delivers what is left. Then the topic must hold each
accepted event; an event that it holds twice must be the same bytes; and the numbers of the one stream must have no gap.
"""

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local.kafka import KafkaNode
from auditseal_producer import Actor, AuditProducer, Outcome, ProducerConfig, Resource
from auditseal_schemas.event_codec import decode_event
from tests.faults.rig import read_all

_THREADS = 4
_LONGEST = 0.6  # s that a producer lives
_SECONDS_A_KILL = 5.0
_DRAIN = 120.0  # s


@dataclass(frozen=True, slots=True)
class SpoolKills:
    """What came of a campaign.

    Attributes:
        kills: How many producers were killed.
        accepted: Ids of events that `record` accepted.
        delivered: The topic's values, in the order of their offsets.
    """

    kills: int
    accepted: Sequence[str]
    delivered: Sequence[bytes]

    def check(self) -> dict[str, int]:
        """Return the figures of a campaign that lost nothing.

        Raises:
            AssertionError: An event is lost, or differs from its double, or is out of order, or a number is missing.
        """
        first: dict[str, bytes] = {}
        numbers, streams = [], set()
        for value in self.delivered:
            event = decode_event(value)
            if event.event_id in first:
                assert first[event.event_id] == value, f"{event.event_id}: its double differs"
                continue
            first[event.event_id] = value
            numbers.append(event.stream.sequence)
            streams.add(event.stream.id)
        lost = set(self.accepted) - first.keys()
        assert not lost, f"{len(lost)} accepted events are lost, such as {min(lost)}"
        assert numbers == list(range(len(numbers))), "the stream has a gap, or isn't in order"
        assert len(streams) == 1, f"{len(streams)} streams"
        return {
            "kills": self.kills,
            "accepted": len(self.accepted),
            "delivered": len(first),
            "doubles": len(self.delivered) - len(first),
        }


def run(servers: str, topic: str, folder: Path, kills: int, seed: int) -> SpoolKills:
    """Kill so many producers in processes of their own, deliver what is left, and read the topic of one partition."""
    command = [sys.executable, "-m", "tests.faults.spool_kills", servers, topic, str(folder), str(kills), str(seed)]
    subprocess.run(command, check=True, timeout=60 + _DRAIN + kills * _SECONDS_A_KILL)
    accepted = (folder / "accepted").read_text("ascii").split()
    return SpoolKills(kills, accepted, list(read_all(servers, topic, 1)))


def kill_many(servers: str, topic: str, folder: Path, kills: int, seed: int) -> None:
    """Do so, in a process that has no thread of its own, so that each producer is a fork of it."""
    generator = random.Random(seed)
    config = ProducerConfig(
        bootstrap_servers=servers, topic=topic, service="billing", environment="kills", spool=folder / "a.spool"
    )
    for _ in range(kills):
        child = os.fork()
        if child == 0:
            record_until_killed(config, folder / "accepted")
        time.sleep(generator.uniform(0, _LONGEST))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    with AuditProducer(config) as producer:
        producer.flush(_DRAIN)


def record_until_killed(config: ProducerConfig, notes: Path) -> None:
    """Record without end; note each event once it is accepted, by a write that a kill can't take back."""
    file = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        producer = AuditProducer(config)

        def work(actor: Actor) -> None:
            while True:
                pending = producer.record(
                    actor=actor, action="pay", resources=[Resource("invoice", "1")], outcome=Outcome.SUCCESS
                )
                os.write(file, f"{pending.event_id}\n".encode())

        for number in range(_THREADS):
            threading.Thread(target=work, args=(Actor("user", f"u-{number}"),)).start()
        threading.Event().wait()
    finally:
        os._exit(1)  # never reached by a producer that works


def main(arguments: Sequence[str]) -> None:
    """Run a campaign on a Kafka of its own, and print its figures."""
    kills, seed = int(arguments[0]), int((*arguments[1:], "1")[0])
    with tempfile.TemporaryDirectory(prefix="auditseal-kills-") as name, KafkaNode(Path(name) / "kafka") as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        admin.create_topics([NewTopic("kills", 1, 1)])["kills"].result(20)
        folder = Path(name)
        print(json.dumps(run(kafka.bootstrap_servers, "kills", folder, kills, seed).check() | {"seed": seed}))


if __name__ == "__main__":
    if len(sys.argv) == 6:
        kill_many(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5]))
    else:
        main(sys.argv[1:])
