"""The archiver as a process, on a real Kafka and real stores: from committed blocks to one locked version of each."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic

from auditseal_local.kafka import KafkaNode
from auditseal_local.minio import MinioNode
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.verification import RECORDS, verify
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.interface import Vault
from auditseal_vault.open import open_vault
from tests.factory.blocks import resigned, sealed
from tests.factory.daemons import await_metric, get
from tests.factory.foreign_member import foreign_member
from tests.factory.keys import SIGNER
from tests.factory.messages import messages
from tests.factory.quick_kafka import QuickKafka

MakeTopic = Callable[..., str]
READY_SECONDS = 60  # for a machine that does much else


def origin_of(partition: int) -> Origin:
    return Origin("audit.example.com", "audit.events", partition, 0)


def key_of(partition: int) -> VerifierKey:
    return VerifierKey(str(origin_of(partition)), SIGNER.public)


def log_of(partition: int, count: int) -> list[Block]:
    """Return the blocks of a log: three records each, sealed now."""
    state = LogState.genesis(origin_of(partition), (key_of(partition),))
    blocks = []
    for _ in range(count):
        first = state.next_offset
        block = sealed(messages(range(first, first + 3)), state, now=int(time.time() * 1_000_000))
        blocks.append(block)
        state = state.accept(block)
    return blocks


class Topic:
    """A blocks topic, written to as the sealer does: each block in a transaction of its own."""

    def __init__(self, kafka: KafkaNode, name: str) -> None:
        self.kafka, self.name = kafka, name
        self._producer = Producer(
            {
                "bootstrap.servers": kafka.bootstrap_servers,
                "transactional.id": f"test.{name}",
                "message.max.bytes": 16 << 20,
            }
        )
        self._producer.init_transactions(20)

    def commit(self, *blocks: Block) -> None:
        for block in blocks:
            self.commit_bytes(block.header.origin.partition, block.format())

    def commit_bytes(self, partition: int, data: bytes) -> None:
        self._producer.begin_transaction()
        self._producer.produce(self.name, data, partition=partition)
        self._producer.flush(20)
        self._producer.commit_transaction(20)

    def abort(self, block: Block) -> None:
        self._producer.begin_transaction()
        self._producer.produce(self.name, block.format(), partition=block.header.origin.partition)
        self._producer.flush(20)
        self._producer.abort_transaction(20)

    def committed_offset(self, group: str, partition: int) -> int:
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": group})
        (found,) = consumer.committed([TopicPartition(self.name, partition)], timeout=10)
        consumer.close()
        return int(found.offset)

    def set_offset(self, group: str, partition: int, offset: int) -> None:
        consumer = Consumer({"bootstrap.servers": self.kafka.bootstrap_servers, "group.id": group})
        consumer.commit(offsets=[TopicPartition(self.name, partition, offset)], asynchronous=False)
        consumer.close()


@pytest.fixture
def topic(kafka: KafkaNode, make_topic: MakeTopic) -> Topic:
    return Topic(kafka, make_topic("blocks", partitions=3))


@dataclass
class Rig:
    """All that an archiver process needs, and the process."""

    topic: Topic
    vault: Vault
    environment: dict[str, str]
    log: Path

    @contextmanager
    def running(self, command: Sequence[str] = ("-m", "auditseal", "archiver")) -> Iterator["Running"]:
        with self.log.open("ab") as log:
            begin = log.tell()
            process = subprocess.Popen([sys.executable, *command], env=self.environment, stderr=log)
        try:
            yield Running(process, self.log, begin)
        finally:
            process.kill()
            process.wait()

    def stored(self, partition: int = 0) -> list[bytes]:
        """Return each version that the vault has of a log, oldest first within a key."""
        entries = list(self.vault.versions(origin_of(partition).blocks_prefix))
        assert not any(entry.is_delete_marker for entry in entries)
        return [self.vault.read(entry.key, entry.version_id) for entry in entries]

    def await_stored(self, blocks: Sequence[Block], partition: int = 0) -> None:
        wanted = [block.format() for block in blocks]
        eventually(lambda: self.stored(partition) == wanted, self.log)

    def run_to_end(self) -> int:
        with self.running() as archiver:
            return archiver.process.wait(READY_SECONDS)


@dataclass
class Running:
    process: subprocess.Popen[bytes]
    log: Path
    begin: int

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_bytes()[self.begin :].splitlines() if line.startswith(b"{")]

    def url(self) -> str:
        def found() -> str | None:
            lines = [line for line in self.lines() if line["event"] == "started" and line["logger"]]
            return str(lines[-1]["telemetry"]) if lines else None

        eventually(found, self.log)
        return found() or ""

    def readiness(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(get(f"{self.url()}/readyz")[1])
        return body

    def await_ready(self) -> None:
        eventually(lambda: self.readiness()["ready"], self.log)

    def states(self) -> dict[str, str]:
        """Return each partition's state by the metric."""
        page = get(f"{self.url()}/metrics")[1]
        return dict(re.findall(r'auditseal_log_state{partition="(\d)",state="(\w+)",.*} 1\.0', page))

    def await_metric(self, line: str) -> None:
        """Wait until it serves a line: a block is stored, and can be read, a moment before it counts."""
        await_metric(self.url(), line + "\n")

    def stop(self) -> int:
        """SIGTERM, and the exit code: 0 if it stopped within 9 s, since it ends itself with 1 then."""
        self.process.terminate()
        return self.process.wait(READY_SECONDS)


def eventually(holds: Callable[[], object], log: Path) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {READY_SECONDS} s; the log:\n{log.read_text()[-4000:]}"
        time.sleep(0.05)


def environment(topic: Topic, vault_url: str, folder: Path) -> dict[str, str]:
    trust = folder / "trust.txt"
    trust.write_text("".join(f"log {key_of(partition)}\n" for partition in range(3)))
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AUDITSEAL_")}
    return kept | {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "AUDITSEAL_CLUSTER": "audit.example.com",
        "AUDITSEAL_VAULT": vault_url,
        "AUDITSEAL_BLOCKS_TOPIC": topic.name,
        "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": topic.kafka.bootstrap_servers,
        "AUDITSEAL_ARCHIVER__TRUST_FILE": str(trust),
        "AUDITSEAL_ARCHIVER__RETENTION_DAYS": "1",
        "AUDITSEAL_ARCHIVER__GROUP": f"group.{topic.name}",
        "AUDITSEAL_LOG_LEVEL": "DEBUG",
    }


@pytest.fixture
def rig(topic: Topic, tmp_path: Path) -> Rig:
    (tmp_path / "vault").mkdir()
    vault = DirectoryVault(tmp_path / "vault")
    return Rig(topic, vault, environment(topic, vault.url, tmp_path), tmp_path / "archiver.log")


@pytest.fixture
def locked(
    topic: Topic, tmp_path: Path, minio: MinioNode, new_bucket: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> Rig:
    for name, value in minio.client_environment().items():
        monkeypatch.setenv(name, value)
    vault = open_vault(minio.vault_url(new_bucket()))
    return Rig(topic, vault, environment(topic, vault.url, tmp_path), tmp_path / "archiver.log")


def test_committed_blocks_end_locked_and_verified(locked: Rig) -> None:
    logs = [log_of(partition, 4) for partition in range(3)]
    other = log_of(0, 5)
    locked.topic.abort(other[0])
    for log in logs:
        locked.topic.commit(*log[:3])
    with locked.running() as archiver:
        for partition, log in enumerate(logs):
            locked.await_stored(log[:3], partition)
        archiver.await_ready()
        for log in logs:
            locked.topic.commit(log[3])
        for partition, log in enumerate(logs):
            locked.await_stored(log, partition)
        archiver.await_metric("auditseal_event_to_archived_seconds_count 12.0")
        archiver.await_metric("auditseal_worm_drill_success 1.0")
        archiver.await_metric(f'auditseal_blocks_archived_total{{partition="0",topic="{locked.topic.name}"}} 4.0')
        assert archiver.stop() == 0
    for partition, log in enumerate(logs):
        state = LogState.genesis(origin_of(partition), (key_of(partition),))
        for data, entry in zip(
            locked.stored(partition), locked.vault.versions(origin_of(partition).blocks_prefix), strict=True
        ):
            block = Block.parse(data)
            state = state.accept(block)
            verify(block, RECORDS)
            lock = locked.vault.retention(entry.key, entry.version_id)
            assert lock is not None
            assert lock.mode == "COMPLIANCE"
            assert lock.retain_until.timestamp() >= block.header.sealed_at / 1_000_000 + 86_400
        assert state.height == len(log)
    group = locked.environment["AUDITSEAL_ARCHIVER__GROUP"]
    assert locked.topic.committed_offset(group, 1) == 7  # three blocks, each with its marker, and the fourth's block


KILLED_AFTER_PUT = """
import os, signal, sys
from auditseal.cli.archiver import run_archiver
from auditseal.settings import load_settings
from auditseal.settings_archiver import ArchiverSettings
from auditseal_vault.{module} import {vault}

put = {vault}.put
left = int(sys.argv[1])

def put_and_die(self, *arguments):
    global left
    put(self, *arguments)
    left -= 1
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

{vault}.put = put_and_die
sys.exit(run_archiver(load_settings(ArchiverSettings, None)))
"""


@pytest.mark.parametrize("store", ["rig", "locked"])
def test_killed_after_each_put_and_before_the_commit(request: pytest.FixtureRequest, store: str) -> None:
    rig: Rig = request.getfixturevalue(store)
    log = log_of(0, 5)
    rig.topic.commit(*log[:4])
    vault, module = ("DirectoryVault", "directory") if store == "rig" else ("S3Vault", "s3")
    script = KILLED_AFTER_PUT.format(vault=vault, module=module)
    rig.environment["AUDITSEAL_ARCHIVER__INSTANCE"] = "the-only-one"  # so that no restart waits for a dead member
    for count in (1, 2, 1):
        with rig.running(("-c", script, str(count))) as archiver:
            assert archiver.process.wait(READY_SECONDS + 20) == -signal.SIGKILL
    with rig.running() as archiver:
        rig.topic.commit(log[4])
        rig.await_stored(log)
        assert archiver.stop() == 0


def test_the_groups_offset_is_no_more_than_a_hint(rig: Rig) -> None:
    log = log_of(0, 6)
    rig.topic.commit(*log[:5])
    group = rig.environment["AUDITSEAL_ARCHIVER__GROUP"]
    rig.topic.set_offset(group, 0, 8)  # ahead: as if five blocks were archived, and the vault is empty
    with rig.running() as archiver:
        rig.await_stored(log[:5])
        assert archiver.stop() == 0
    rig.topic.set_offset(group, 0, 2)  # behind
    with rig.running() as archiver:
        rig.topic.commit(log[5])
        rig.await_stored(log)
        assert archiver.stop() == 0
    rig.topic.set_offset(group, 0, 1000)  # beyond the end
    with rig.running() as archiver:
        archiver.await_ready()
        assert archiver.stop() == 0
    assert rig.stored() == [block.format() for block in log]


def test_an_offset_at_the_end_hides_no_block(rig: Rig) -> None:
    log = log_of(0, 2)
    rig.topic.commit(*log)
    rig.topic.set_offset(rig.environment["AUDITSEAL_ARCHIVER__GROUP"], 0, 4)  # the marker after the last block
    with rig.running():
        rig.await_stored(log)


@pytest.mark.parametrize(
    ("halt", "prepare"),
    [
        (Halt.INVALID_BLOCK, lambda rig, log: rig.topic.commit_bytes(0, b"garbage")),
        (Halt.INVALID_BLOCK, lambda rig, log: rig.topic.commit(log[0], resigned(log[1], events_root=bytes(32)))),
        (Halt.BLOCKS_LOST, lambda rig, log: rig.topic.commit(log[0], log[2])),
        (
            Halt.SQUATTED,
            lambda rig, log: (rig.vault.put(origin_of(0).block_key(0), b"x", None), rig.topic.commit(log[0])),
        ),
        (
            Halt.FORK,
            lambda rig, log: (
                rig.vault.put(origin_of(0).block_key(0), log_of(0, 1)[0].format(), None),
                rig.topic.commit(log[0]),
            ),
        ),
    ],
    ids=["garbage", "wrong root", "a height missing", "squatted", "fork"],
)
def test_it_halts_with_its_code_and_runbook(rig: Rig, halt: Halt, prepare: Callable[[Rig, list[Block]], None]) -> None:
    prepare(rig, log_of(0, 3))
    before = rig.stored()
    assert rig.run_to_end() == halt.exit_code
    last = json.loads(rig.log.read_text().splitlines()[-1])
    assert (last["event"], last["runbook"]) == ("halted", halt.runbook)
    assert len(rig.stored()) <= max(1, len(before))


def test_deleted_records_are_lost_blocks(rig: Rig, kafka_admin: AdminClient) -> None:
    log = log_of(0, 3)
    rig.topic.commit(*log)
    kafka_admin.delete_records([TopicPartition(rig.topic.name, 0, 2)])
    rig.vault.put(origin_of(0).block_key(0), log[0].format(), None)  # type: ignore[arg-type]
    with rig.running() as archiver:
        rig.await_stored(log)  # what is gone from the topic is in the vault: nothing is lost
        assert archiver.stop() == 0
    (Path(rig.vault.url.removeprefix("file://")) / origin_of(0).block_key(0)).unlink()
    for height in (1, 2):
        (Path(rig.vault.url.removeprefix("file://")) / origin_of(0).block_key(height)).unlink()
    assert rig.run_to_end() == Halt.BLOCKS_LOST.exit_code


def test_two_archivers_share_the_logs_and_hand_them_over(rig: Rig, tmp_path: Path) -> None:
    logs = [log_of(partition, 6) for partition in range(3)]
    second = Rig(rig.topic, rig.vault, rig.environment, tmp_path / "second.log")
    for log in logs:
        rig.topic.commit(*log[:2])
    with rig.running() as one:
        one.await_ready()
        with second.running() as other:
            other.await_ready()
            for log in logs:
                rig.topic.commit(*log[2:4])
            for partition, log in enumerate(logs):
                rig.await_stored(log[:4], partition)
            assert one.stop() == 0
            for log in logs:
                rig.topic.commit(*log[4:])
            for partition, log in enumerate(logs):
                rig.await_stored(log, partition)
            assert other.stop() == 0


def test_of_two_archivers_of_one_name_the_older_ends(rig: Rig, tmp_path: Path) -> None:
    log = log_of(0, 4)
    rig.environment["AUDITSEAL_ARCHIVER__INSTANCE"] = "one"
    second = Rig(rig.topic, rig.vault, rig.environment, tmp_path / "second.log")
    rig.topic.commit(*log[:2])
    with rig.running() as older:
        older.await_ready()
        with second.running() as newer:
            assert older.process.wait(READY_SECONDS) == 1
            last = older.lines()[-1]
            assert last["event"] == "failed"
            assert "Static consumer fenced" in last["problem"]
            newer.await_ready()
            rig.topic.commit(*log[2:])
            rig.await_stored(log)
            assert newer.stop() == 0


def test_a_store_that_is_away_at_start_is_waited_for(locked: Rig, minio: MinioNode, tmp_path: Path) -> None:
    locked.environment["AUDITSEAL_VAULT"] = "s3://bucket?endpoint=http://127.0.0.1:9"
    with locked.running() as archiver:
        eventually(lambda: "trying again" in locked.log.read_text(), locked.log)
        assert set(archiver.readiness()["missing"]) == {"drill", "logs", "partitions", "store"}
        assert archiver.stop() == 0


def test_a_broker_that_is_away_at_start_is_waited_for(rig: Rig) -> None:
    rig.environment["AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS"] = "127.0.0.1:9"
    with rig.running() as archiver:
        eventually(lambda: "Kafka is unreachable or refuses this client" in rig.log.read_text(), rig.log)
        assert "partitions" in archiver.readiness()["missing"]
        assert archiver.stop() == 0


def test_a_broker_that_dies_and_comes_back(tmp_path: Path) -> None:
    log = log_of(0, 2)
    with QuickKafka(tmp_path / "kafka") as node:
        admin = AdminClient({"bootstrap.servers": node.bootstrap_servers})
        admin.create_topics([NewTopic("blocks", 3, 1)])["blocks"].result(timeout=60)
        topic = Topic(node, "blocks")
        (tmp_path / "vault").mkdir()
        vault = DirectoryVault(tmp_path / "vault")
        rig = Rig(topic, vault, environment(topic, vault.url, tmp_path), tmp_path / "archiver.log")
        topic.commit(log[0])
        with rig.running() as archiver:
            rig.await_stored(log[:1])
            archiver.await_ready()
            node.kill()
            eventually(lambda: "partitions" in archiver.readiness()["missing"], rig.log)
            node.start()
            Topic(node, "blocks").commit(log[1])
            rig.await_stored(log)
            archiver.await_ready()
            node.kill()
            eventually(lambda: not archiver.readiness()["ready"], rig.log)
            assert archiver.stop() == 0


def test_a_topic_that_is_not_made_yet_is_waited_for(rig: Rig, kafka_admin: AdminClient) -> None:
    rig.environment["AUDITSEAL_BLOCKS_TOPIC"] = f"{rig.topic.name}.later"
    with rig.running() as archiver:
        eventually(lambda: "trying again" in rig.log.read_text(), rig.log)
        assert archiver.stop() == 0


def test_new_partitions_show_at_once_and_stop_no_other(rig: Rig, kafka_admin: AdminClient) -> None:
    logs = [log_of(partition, 4) for partition in range(5)]
    for log in logs[:3]:
        rig.topic.commit(*log[:2])
    with rig.running() as archiver:
        for partition in range(3):
            rig.await_stored(logs[partition][:2], partition)
        archiver.await_ready()
        kafka_admin.create_partitions([NewPartitions(rig.topic.name, 5)])[rig.topic.name].result(timeout=60)

        def both_are_missing_alone() -> bool:
            missing = archiver.readiness()["missing"]
            return missing.keys() == {"logs"} and missing["logs"].count("pins no log") == 2

        eventually(both_are_missing_alone, rig.log)  # 5 s to notice, and a rebalance
        for log in logs[:3]:
            rig.topic.commit(log[2])
        Topic(rig.topic.kafka, rig.topic.name).commit(logs[3][0], logs[4][0])  # its metadata has the new partitions
        for partition in range(3):
            rig.await_stored(logs[partition][:3], partition)
        states = dict.fromkeys("012", "archiving") | dict.fromkeys("34", "unpinned")
        eventually(lambda: archiver.states() == states, rig.log)
        assert archiver.stop() == 0
    assert rig.stored(3) == []
    trust = Path(rig.environment["AUDITSEAL_ARCHIVER__TRUST_FILE"])
    trust.write_text(trust.read_text() + "".join(f"log {key_of(partition)}\n" for partition in (3, 4)))
    with rig.running() as archiver:
        for partition in (3, 4):
            rig.await_stored(logs[partition][:1], partition)
        archiver.await_ready()
        assert archiver.stop() == 0


def test_a_foreign_member_of_the_group_shows_while_it_has_a_partition(rig: Rig) -> None:
    logs = [log_of(partition, 2) for partition in range(3)]
    with rig.running() as archiver:
        archiver.await_ready()
        with foreign_member(rig.topic.kafka, rig.environment["AUDITSEAL_ARCHIVER__GROUP"], rig.topic.name):
            eventually(lambda: "'foreign'" in archiver.readiness()["missing"].get("partitions", ""), rig.log)
        archiver.await_ready()
        for log in logs:
            rig.topic.commit(*log)
        for partition, log in enumerate(logs):
            rig.await_stored(log, partition)
        assert archiver.stop() == 0


def test_a_store_that_fails_the_drill_is_refused(locked: Rig, minio: MinioNode) -> None:
    minio.s3().create_bucket(Bucket="not-locked")
    locked.environment["AUDITSEAL_VAULT"] = minio.vault_url("not-locked")
    assert locked.run_to_end() == Halt.WORM_REFUSED.exit_code
    command = [sys.executable, "-m", "auditseal", "drill", "--vault", minio.vault_url("not-locked")]
    done = subprocess.run(command, env=locked.environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == Halt.WORM_REFUSED.exit_code
    assert "'locked write'" in done.stderr
