"""What a fault is tried on: a real Kafka behind a TCP proxy, a real MinIO behind an HTTP proxy, pipelines on them."""

import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_local.kafka import KafkaNode, KafkaSettings
from auditseal_local.minio import MinioNode
from auditseal_local.ports import LOOPBACK, free_ports
from auditseal_local.process import Child, launch_guarded
from auditseal_schemas.block import Block
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_sealer.key_file import store_key
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader
from auditseal_vault.open import open_reader
from tests.factory.secret_files import write_secret
from tests.faults.daemon import Daemon, own_environment
from tests.faults.http_proxy import HttpProxy, Trouble
from tests.faults.ledger import Ledger
from tests.faults.oracle import Judgement, check_audit, heights_of, judge, read_theirs
from tests.faults.recovery import BlockTime
from tests.faults.tcp_proxy import OpenGate, TcpProxy
from tests.faults.vault_copy import copy_vault

CLUSTER = "faults.example.com"
_DRAIN_POLL = 0.2  # s
_LOAD_END_SECONDS = 130
_quiet = logging.getLogger("tests.faults.quiet")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False  # a broker that is down by intent needn't be told of each second


class DrainError(AssertionError):
    """The vault didn't catch up with what was acknowledged."""


class Brokers(Protocol):
    """A Kafka of one broker or more."""

    @property
    def ports(self) -> dict[str, int]:
        """The ports of its first broker."""

    @property
    def bootstrap_servers(self) -> str:
        """`host:port,…` of its brokers, for clients."""

    @property
    def running(self) -> bool:
        """Whether all of it runs."""

    def start(self) -> None:
        """Start what does not run."""

    def stop(self) -> None:
        """Stop it in order."""

    def kill(self) -> None:
        """End it as a crash would."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None: ...


class Rig:
    """One Kafka and one MinIO for a whole campaign. As a context manager it starts both, and leaves none running."""

    def __init__(
        self,
        folder: Path,
        seed: int,
        *,
        kafka_folder: Path | None = None,
        minio_folder: Path | None = None,
        make_kafka: Callable[[Path, KafkaSettings], Brokers] = KafkaNode,
        replicas: int = 1,
    ) -> None:
        self.folder, self.seed, self.replicas = folder, seed, replicas
        folder.mkdir(exist_ok=True)
        (port,) = free_ports(1)
        settings = KafkaSettings(heap_mib=384, proxy=f"{LOOPBACK}:{port}")
        self.kafka = make_kafka(kafka_folder or folder / "kafka", settings)
        self.kafka_proxy = TcpProxy(self.kafka.ports["behind_proxy"], port)
        self.minio = MinioNode(minio_folder or folder / "minio")
        self.s3_proxy = HttpProxy(self.minio.ports["api"], seed)
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for part in (self.kafka, self.minio, self.kafka_proxy, self.s3_proxy):
                stack.enter_context(part)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def heal(self) -> None:
        """Undo whatever a fault that failed left behind."""
        for node in (self.kafka, self.minio):
            if not node.running:
                node.start()
        self.kafka_proxy.gate = OpenGate()
        self.kafka_proxy.mend()
        self.s3_proxy.trouble = Trouble()

    @property
    def broker(self) -> KafkaNode:
        """The one broker of a rig that has one, for faults that change its files."""
        assert isinstance(self.kafka, KafkaNode), "this rig has several brokers"
        return self.kafka

    def pipeline(self, name: str, *, partitions: int = 2, second_key: SigningKey | None = None) -> "Pipeline":
        """Return a pipeline with topics, keys and bucket of its own."""
        return Pipeline(rig=self, name=name, partitions=partitions, second_key=second_key)

    def cluster(self) -> Cluster:
        """Return a new administrative client: an old one takes seconds to notice that a broker came back."""
        return Cluster({"bootstrap.servers": self.kafka.bootstrap_servers}, 20)

    @cached_property
    def admin(self) -> AdminClient:
        return AdminClient({"bootstrap.servers": self.kafka.bootstrap_servers}, logger=_quiet)


@dataclass(kw_only=True)
class Pipeline:
    """Topics, a key, a bucket, and what runs between them."""

    rig: Rig
    name: str
    partitions: int
    run: int = 0
    pinned_before: str = ""
    key: SigningKey = field(default_factory=SigningKey.generate)
    second_key: SigningKey | None = None

    def __post_init__(self) -> None:
        self.folder = self.rig.folder / f"{self.name}-run-{self.run}"
        self.folder.mkdir()
        self.events, self.blocks, self.bucket = f"{self.name}.events", f"{self.name}.blocks", f"faults-{self.name}"
        self.key_file, self.passphrase = self.folder / "key.pem", self.folder / "passphrase"
        write_secret(self.passphrase, secrets.token_urlsafe())
        store_key(self.key_file, self.key, self.passphrase.read_text())
        if self.second_key:
            store_key(self.folder / "second.pem", self.second_key, self.passphrase.read_text())
        self.trust_file = self.folder / "trust.txt"
        self.trust_file.write_text(self.pinned_before + self.trust)
        self.ledgers: list[Path] = []
        self.forgotten: frozenset[int] = frozenset()
        self.make_topics()
        self.rig.minio.make_bucket(self.bucket)

    def following_run(self) -> "Pipeline":
        """Return the pipeline of the next run: the same topics, key and bucket, and earlier runs pinned as well."""
        pinned = self.pinned_before + self.trust
        return replace(self, run=self.run + 1, pinned_before=pinned)

    @property
    def origins(self) -> list[Origin]:
        return [Origin(CLUSTER, self.events, partition, self.run) for partition in range(self.partitions)]

    @property
    def trust(self) -> str:
        """The trust file's text."""
        keys = [key for key in (self.key, self.second_key) if key]
        return "".join(f"log {VerifierKey.of(str(origin), key)}\n" for origin in self.origins for key in keys)

    def make_topics(self) -> None:
        """Make both topics, as `auditseal topics create` does."""
        rules = TopicRules(self.partitions, replication=self.rig.replicas)
        create_topics(self.rig.cluster(), rules, self.events, self.blocks)

    def vault_url(self, *, proxied: bool = False) -> str:
        endpoint = self.rig.s3_proxy.endpoint if proxied else self.rig.minio.endpoint
        return f"s3://{self.bucket}/?endpoint={endpoint}"

    def vault_options(self) -> list[str]:
        """Return the options by which an auditor's command finds the trust file and the vault."""
        return ["--trust", str(self.trust_file), "--vault", self.vault_url()]

    def environment(self, *, kafka_proxied: bool = False, s3_proxied: bool = False) -> dict[str, str]:
        """Return the settings of both daemons."""
        servers = self.rig.kafka_proxy.address if kafka_proxied else self.rig.kafka.bootstrap_servers
        return {
            **self.rig.minio.client_environment(),
            "AUDITSEAL_CLUSTER": CLUSTER,
            "AUDITSEAL_EVENTS_TOPIC": self.events,
            "AUDITSEAL_BLOCKS_TOPIC": self.blocks,
            "AUDITSEAL_VAULT": self.vault_url(proxied=s3_proxied),
            "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": servers,
        }

    def sealer(
        self, name: str = "sealer", *, group: str = "", static: bool = False, proxied: bool = False, **faults: object
    ) -> Daemon:
        """Return a sealer that hasn't started; `faults` are `FAULTS_*` of `sealer_main`."""
        second = {
            "AUDITSEAL_SEALER__SECOND_KEY_FILE": str(self.folder / "second.pem"),
            "AUDITSEAL_SEALER__SECOND_PASSPHRASE_FILE": str(self.passphrase),
        }
        environment = {
            **self.environment(kafka_proxied=proxied),
            **(second if self.second_key else {}),
            "AUDITSEAL_SEALER__KEY_FILE": str(self.key_file),
            "AUDITSEAL_SEALER__PASSPHRASE_FILE": str(self.passphrase),
            "AUDITSEAL_SEALER__GROUP": group or f"{self.name}.sealer",
            "AUDITSEAL_SEALER__INSTANCE": name if static else "",
            "AUDITSEAL_SEALER__RUN": str(self.run),
            "AUDITSEAL_SEALER__REPLICATION": str(self.rig.replicas),
            "AUDITSEAL_SEALER__BLOCK_AGE": "0.25",
            "AUDITSEAL_SEALER__SESSION_TIMEOUT": "6",
            "FAULTS_FAST": "1",
            "FAULTS_SEED": f"{self.rig.seed}/{self.name}/{name}",
            **{f"FAULTS_{key.upper()}": str(value) for key, value in faults.items()},
        }
        return Daemon(name, "tests.faults.sealer_main", environment, self.folder / f"{name}.log", "--genesis")

    def archiver(
        self, name: str = "archiver", *, static: bool = False, proxied: bool = False, s3_proxied: bool = False
    ) -> Daemon:
        """Return an archiver that hasn't started."""
        environment = {
            **self.environment(kafka_proxied=proxied, s3_proxied=s3_proxied),
            "AUDITSEAL_ARCHIVER__TRUST_FILE": str(self.trust_file),
            "AUDITSEAL_ARCHIVER__GROUP": f"{self.name}.archiver",
            "AUDITSEAL_ARCHIVER__RETENTION_DAYS": "1",
            "AUDITSEAL_ARCHIVER__SESSION_TIMEOUT": "6",
            "AUDITSEAL_ARCHIVER__INSTANCE": name if static else "",
            "FAULTS_SEED": f"{self.rig.seed}/{self.name}/{name}",
        }
        return Daemon(name, "tests.faults.archiver_main", environment, self.folder / f"{name}.log")

    @contextmanager
    def load(self, rate: float = 400, *, proxied: bool = False) -> Iterator[Child]:
        """Keep a load generator running within; at the end it waits for its last acknowledgement."""
        ledger = self.folder / f"ledger-{len(self.ledgers)}.txt"
        self.ledgers.append(ledger)
        servers = self.rig.kafka_proxy.address if proxied else self.rig.kafka.bootstrap_servers
        seed = self.rig.seed + len(self.ledgers)
        command = [sys.executable, "-m", "tests.faults.load", servers, self.events, str(rate), str(seed), str(ledger)]
        child = launch_guarded(command, self.folder / "load.log", own_environment())
        try:
            yield child
        except BaseException:
            child.kill()
            raise
        child.stop(_LOAD_END_SECONDS)
        assert child.exit_code == 0, f"the load generator ended with {child.exit_code}: see {self.folder / 'load.log'}"

    def ledger(self) -> Ledger:
        whole = Ledger.read(*self.ledgers)
        kept = tuple(entry for entry in whole.entries if entry.offset not in self.forgotten)
        return Ledger(kept, whole.failed)

    def reader(self) -> VaultReader:
        """Return the vault as the product's code reads it, around the proxy."""
        with environment(self.rig.minio.client_environment()):
            return open_reader(self.vault_url())

    def await_archived(self, seconds: float) -> float:
        """Wait until the vault holds all that is acknowledged by now; return how long that took.

        Raises:
            DrainError: It doesn't within `seconds`.
        """
        return self.await_ends(self.ledger().ends(), seconds)

    def log_ends(self) -> dict[int, int]:
        """Return the last offset of each events partition by the broker's word: a long ledger takes a while to read."""
        cluster = self.rig.cluster()
        return {origin.partition: cluster.end(self.events, origin.partition) - 1 for origin in self.origins}

    def await_ends(self, ends: Mapping[int, int], seconds: float) -> float:
        """Wait until the vault holds each partition up to an offset; return how long that took.

        Raises:
            DrainError: It doesn't within `seconds`.
        """
        begun, reader = time.monotonic(), self.reader()
        while True:
            missing = {
                origin.partition: ends[origin.partition]
                for origin in self.origins
                if archived_offset(reader, origin) < ends.get(origin.partition, -1)
            }
            if not missing:
                return time.monotonic() - begun
            if time.monotonic() - begun > seconds:
                raise DrainError(f"after {seconds:g} s the vault lacks offsets {missing} by partition")
            time.sleep(_DRAIN_POLL)

    def await_flow(self, seconds: float = 60) -> None:
        """Wait until an event that is acknowledged from now on is in the vault, in each partition."""
        self.await_acknowledged(seconds)
        self.await_archived(seconds)

    def await_acknowledged(self, seconds: float = 60) -> None:
        """Wait until an event is acknowledged in each partition from now on."""
        before, deadline = self.ledger().ends(), time.monotonic() + seconds
        while any(self.ledger().ends().get(number, -1) <= before.get(number, -1) for number in range(self.partitions)):
            if time.monotonic() > deadline:
                raise DrainError(f"no event was acknowledged in each partition for {seconds:g} s")
            time.sleep(_DRAIN_POLL)

    def archived_end(self) -> int:
        """Return the last offset that the vault accounts for, of a pipeline with one partition."""
        return archived_offset(self.reader(), self.origins[0])

    def await_offset(self, offset: int, seconds: float) -> None:
        """Wait until the vault accounts for an offset, in a pipeline with one partition."""
        deadline = time.monotonic() + seconds
        while self.archived_end() < offset:
            if time.monotonic() > deadline:
                raise DrainError(f"after {seconds:g} s the vault lacks offset {offset}")
            time.sleep(_DRAIN_POLL)

    def stored_blocks(self) -> list[Block]:
        """Return all blocks of all logs."""
        reader = self.reader()
        keys = [entry.key for origin in self.origins for entry in reader.versions(origin.blocks_prefix)]
        return [Block.parse(reader.read(key)) for key in keys]

    def forget(self, offsets: set[int]) -> None:
        """Take deleted offsets out of what must be sealed, in a pipeline with one partition."""
        self.forgotten = frozenset(offsets)

    def published(self) -> list[bytes]:
        """Return every value that was ever in the blocks topic, aborted ones too."""
        return read_all(self.rig.kafka.bootstrap_servers, self.blocks, self.partitions)

    def judge(self, strangers: tuple[str, ...] = ()) -> tuple[Judgement, list[BlockTime]]:
        """Copy the vault and let the oracle judge it; return its judgement and when each block was stored."""
        check_audit(self.reader, self.pinned_before + self.trust)
        copy = self.folder / f"vault-{time.monotonic_ns()}"
        stored = copy_vault(self.rig.minio.s3(), self.bucket, copy)
        found = judge(self.ledger(), copy, self.trust, heights_of(self.published()), strangers)
        if self.pinned_before:
            read_theirs(copy, self.pinned_before + self.trust)  # predecessors are compared where both runs are pinned
        return found, [BlockTime.of(Block.parse(one.path.read_bytes()).header, one.at) for one in stored]


def archived_offset(reader: VaultReader, origin: Origin) -> int:
    """Return the last offset that the vault accounts for, -1 where it has no block."""
    head = LogReader(reader, origin).head()
    return Block.parse(head.data).header.last_offset if head else -1


def read_all(servers: str, topic: str, partitions: int, isolation: str = "read_uncommitted") -> list[bytes]:
    """Return every value of a topic, in order within a partition."""
    consumer = Consumer(
        {
            "bootstrap.servers": servers,
            "group.id": "faults.reader",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "isolation.level": isolation,
        }
    )
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(partitions)])
    values, ended = [], set[int]()
    deadline = time.monotonic() + 60
    while len(ended) < partitions:
        assert time.monotonic() < deadline, f"{topic} can't be read to its end"
        message = consumer.poll(1)
        if message is None:
            continue
        if message.error():
            where = message.partition()
            assert where is not None
            ended.add(where)
        elif (value := message.value()) is not None:
            values.append(value)
    consumer.close()
    return values


@contextmanager
def environment(variables: dict[str, str]) -> Iterator[None]:
    """Set variables of this process within: boto3 finds credentials there."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
