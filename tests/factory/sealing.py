"""A sealer as a process, what it needs, and what it left in the blocks topic."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

from confluent_kafka import Consumer, Producer, TopicPartition

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_schemas.block import Block
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.verification import RECORDS, verify
from auditseal_sealer.key_file import store_key
from tests.factory.secret_files import write_secret

CLUSTER = "test.local"
PASSPHRASE = "a passphrase"
COMMITTED, UNCOMMITTED = "read_committed", "read_uncommitted"
KILL_ONCE_AFTER = """
def after(step, origin):
    if step == "{step}" and not os.path.exists("{mark}"):
        open("{mark}", "w").close()
        os.kill(os.getpid(), signal.SIGKILL)
"""
"""A hook that kills its process after a step, once: `mark` is the file that remembers it."""
PATIENCE = 60.0  # s: for a machine that does much else


@dataclass
class Site:
    """Two topics, a key, a vault's directory: all that sealers of a test share."""

    servers: str
    directory: Path
    events: str
    blocks: str
    partitions: int = 1
    key: SigningKey = field(default_factory=SigningKey.generate)

    def __post_init__(self) -> None:
        self.directory.mkdir(exist_ok=True)
        (self.directory / "vault").mkdir()
        self.producer = Producer({"bootstrap.servers": self.servers, "enable.idempotence": True, "linger.ms": 0})
        write_secret(self.directory / "passphrase", PASSPHRASE)
        store_key(self.directory / "key.pem", self.key, PASSPHRASE)

    def create_topics(self) -> None:
        cluster = Cluster({"bootstrap.servers": self.servers}, 20)
        create_topics(cluster, TopicRules(self.partitions, replication=1), self.events, self.blocks)

    def origin(self, partition: int = 0) -> Origin:
        return Origin(CLUSTER, self.events, partition, 0)

    def environment(self, **more: object) -> dict[str, str]:
        """The environment of a sealer; `more` are settings of its own section, None where one is not set."""
        ours = {
            "CLUSTER": CLUSTER,
            "VAULT": f"file://{self.directory / 'vault'}",
            "EVENTS_TOPIC": self.events,
            "BLOCKS_TOPIC": self.blocks,
            "KAFKA__BOOTSTRAP_SERVERS": self.servers,
            "SEALER__KEY_FILE": self.directory / "key.pem",
            "SEALER__PASSPHRASE_FILE": self.directory / "passphrase",
            "SEALER__REPLICATION": 1,
            "SEALER__BLOCK_AGE": 0.25,
            "SEALER__GROUP": f"sealers.{self.events}",
            "SEALER__INSTANCE": "one",
            **{f"SEALER__{name.upper()}": value for name, value in more.items()},
        }
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AUDITSEAL_")}
        return clean | {f"AUDITSEAL_{name}": str(value) for name, value in ours.items() if value is not None}

    @contextmanager
    def sealer(
        self, *arguments: str, hook: str = "", prefix: Sequence[str] = (), **settings: object
    ) -> Iterator["SealerProcess"]:
        """Run a sealer; it is gone when the context ends.

        `hook` is Python that defines `after(step, origin)`, `prefix` a command that becomes the sealer.
        """
        program = ["-c", _HOOKED.format(hook=hook)] if hook else ["-m", "auditseal", "sealer"]
        log = self.directory / f"sealer-{time.monotonic_ns()}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*prefix, sys.executable, *program, *arguments], env=self.environment(**settings), stderr=output
            )
        running = SealerProcess(process, log)
        try:
            yield running
        finally:
            process.kill()
            process.wait()

    def publish(self, values: Sequence[bytes | None], partition: int = 0, **more: Any) -> None:
        """Publish, and wait for the acknowledgements."""
        for value in values:
            self.producer.produce(self.events, value, partition=partition, **more)
        assert self.producer.flush(PATIENCE) == 0

    def block_values(self, isolation: str = COMMITTED, partition: int = 0) -> list[bytes]:
        """The values in the blocks topic; the empty records that sealers ask the broker's clock with are left out."""
        return [value for _, value in read_topic(self.servers, self.blocks, partition, isolation) if value is not None]

    def store_blocks(self, partition: int = 0) -> Path:
        """Store the committed blocks of a log as the archiver does, and return the vault."""
        vault = self.directory / "vault"
        for value in self.block_values(partition=partition):
            path = vault / self.origin(partition).block_key(Block.parse(value).header.height)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(value)
        return vault

    def verified(self, partition: int = 0, keys: tuple[VerifierKey, ...] = ()) -> list[SealedRecord]:
        """Verify the committed blocks of a log as an auditor would who pins these keys, or else the site's key.

        Return their records.
        """
        origin = self.origin(partition)
        state = LogState.genesis(origin, keys or (VerifierKey(str(origin), self.key.public),))
        records: list[SealedRecord] = []
        for value in self.block_values(partition=partition):
            block = Block.parse(value)
            state = state.accept(block)
            verify(block, RECORDS)
            records += block.records()
        return records

    def check_one_block_a_height(self, partition: int = 0) -> None:
        """Check that all committed and aborted blocks of one height are the same, and that no height is missing."""
        heights: dict[int, bytes] = {}
        for value in self.block_values(UNCOMMITTED, partition):
            height = Block.parse(value).header.height
            assert heights.setdefault(height, value) == value
        assert sorted(heights) == list(range(len(heights)))

    def await_sealed(self, count: int, partition: int = 0, keys: tuple[VerifierKey, ...] = ()) -> list[SealedRecord]:
        """Wait until that many records are sealed, and return them verified as by `verified`."""
        deadline = time.monotonic() + PATIENCE
        while len(records := self.verified(partition, keys)) < count:
            assert time.monotonic() < deadline, f"{len(records)} of {count} records are sealed"
            time.sleep(0.1)
        return records


@dataclass
class SealerProcess:
    """A running sealer."""

    process: "subprocess.Popen[bytes]"
    log: Path

    def lines(self) -> list[dict[str, Any]]:
        """What it logged so far."""
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def await_line(self, event: str) -> dict[str, Any]:
        """Wait until it logs an event."""
        deadline = time.monotonic() + PATIENCE
        while True:
            found = [line for line in self.lines() if line["event"] == event]
            if found:
                return found[0]
            assert time.monotonic() < deadline, f"no {event!r} in {self.log.read_text()}"
            assert self.process.poll() is None or self.lines(), self.log.read_text()
            time.sleep(0.05)

    def get(self, path: str) -> tuple[int, str]:
        """Ask its telemetry."""
        url = self.await_line("started")["telemetry"] + path
        try:
            with urlopen(url, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            raise AssertionError(f"{error}: {self.log.read_text()}") from error

    def await_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while self.get("/readyz")[0] != 200:
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.05)

    def await_metric(self, line: str) -> None:
        """Wait until it serves a line: a block is committed, and can be read, a moment before it counts."""
        deadline = time.monotonic() + PATIENCE
        while line not in (metrics := self.get("/metrics")[1].splitlines()):
            assert time.monotonic() < deadline, f"no {line!r} in {metrics}"
            time.sleep(0.05)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM once it runs, and the exit code: 0 if it stopped within 9 s, since it ends itself with 1 then."""
        self.await_line("started")
        self.process.terminate()
        return self.process.wait(PATIENCE)

    def exit_code(self) -> int:
        """Wait until it ends by itself."""
        return self.process.wait(PATIENCE)


_HOOKED = """
import os, signal, sys
from auditseal.cli.sealer import run_sealer
from auditseal.cli.signer import open_signers
from auditseal.settings import load_settings
from auditseal.settings_sealer import SealerSettings
from auditseal_daemon.process_end import end_process

{hook}

class Hooks:
    def after(self, step, origin):
        after(step, origin)

settings = load_settings(SealerSettings, None)
signers = open_signers(settings.sealer)
end_process(run_sealer(settings, signers, genesis_allowed="--genesis" in sys.argv, hooks=Hooks()))
"""


def read_topic(servers: str, topic: str, partition: int, isolation: str) -> list[tuple[int, bytes | None]]:
    """Offset and value of all records of a partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "reader",
            "enable.auto.commit": False,
            "isolation.level": isolation,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 10,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0)])
    found: list[tuple[int, bytes | None]] = []
    try:
        while True:
            message = consumer.poll(PATIENCE)
            assert message is not None, f"{topic}/{partition} can't be read"
            if error := message.error():
                assert error.name() == "_PARTITION_EOF", error
                return found
            offset = message.offset()
            assert offset is not None
            found.append((offset, message.value()))
    finally:
        consumer.close()
