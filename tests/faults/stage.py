"""A partition sealer on a broker in memory and a vault on disk, and the oracle that judges what became of events."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from weakref import ref

import pytest
from confluent_kafka import KafkaException, Message
from prometheus_client import CollectorRegistry

from auditseal_archiver.block_archiver import BlockArchiver, PartitionConfig
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_daemon.retry import StoreRetry
from auditseal_daemon.topic_rules import TopicView
from auditseal_schemas.block_draft import BlockLimits, CloseReason
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_sealer import new_partition, partition_consumer, partition_sealer, transactional_producer
from auditseal_sealer.batch import BatchPolicy
from auditseal_sealer.block_producers import BlockProducers
from auditseal_sealer.config import SealerConfig, Timeouts
from auditseal_sealer.context import SealerContext
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.metrics import LogMetrics, SealerMetrics
from auditseal_sealer.partition_sealer import PartitionSealer
from auditseal_sealer.sealing_state import SealingState
from auditseal_sealer.watchdog import Watchdog
from auditseal_vault.interface import StoredVersion
from tests.factory.archiving import DAY, FaultyVault
from tests.factory.keys import SIGNER
from tests.faults.fake_kafka import (
    NOW_MS,
    Broker,
    FakeCluster,
    FakeConsumer,
    FakeProducer,
    FakeRecordConsumer,
)
from tests.faults.ledger import Entry, Ledger
from tests.faults.oracle import digest_of, heights_of, judge

ORIGIN = Origin("faults.example.com", "events", 0, 0)
KEY = VerifierKey(str(ORIGIN), SIGNER.public)
TRUST = f"log {KEY}\n"
EVENTS = 40
BOUND = 20.0  # s; a case takes a tenth
HEARTBEAT = 0.15  # s
CONFIG = SealerConfig(
    client={},
    events_topic="events",
    blocks_topic="blocks",
    cluster=ORIGIN.cluster,
    genesis_allowed=True,
    limits=BlockLimits(records=10),
    batch=BatchPolicy(age=0.0, wait=0.01),
    timeouts=Timeouts(call=0.3, stuck=5, session=HEARTBEAT * 4, settled=1, pause=0.01, back_off=0.05),
    clock_lead=1e12,
)
WATCHDOG = Watchdog(3600, lambda error: None)  # one thread for all cases


class AskedVault:
    """The vault for the sealer, as a bucket is listed; its listings fail as the broker's plan says."""

    enforces_worm = True

    def __init__(self, vault: FaultyVault, ask: Callable[[str, Callable[[], Any]], Any]) -> None:
        self.url, self.holds, self.read = vault.url, vault.holds, vault.read
        self._vault, self._ask = vault, ask

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        listed: list[StoredVersion] = self._ask("versions", lambda: list(self._vault.versions(prefix, after, limit)))
        return iter(listed)

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        return [entry for entry in self.versions(key) if entry.key == key]


def event(offset: int) -> Message:
    value = b'{"number": %d}' % offset
    return Message(topic="events", partition=0, offset=offset, key=b"key", value=value, timestamp=(2, NOW_MS + offset))


class Stage:
    """A partition sealer on a broker, and what the vault says to it."""

    def __init__(self, broker: Broker, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.broker, self.vault = broker, FaultyVault(folder)
        self.failures: list[Exception] = []
        self.failed = threading.Event()
        self.clients = clients = list[ref[FakeProducer]]()

        class Producer(FakeProducer):
            def __init__(self, settings: Mapping[str, Any]) -> None:
                super().__init__(broker, settings)
                clients.append(ref(self))

        monkeypatch.setattr(transactional_producer, "Producer", Producer)
        monkeypatch.setattr(partition_consumer, "Consumer", lambda settings: FakeConsumer(broker, settings))
        monkeypatch.setattr(partition_sealer, "RecordConsumer", lambda _: FakeRecordConsumer(broker))
        monkeypatch.setattr(partition_sealer, "RecordSource", lambda _, __: FakeRecordConsumer(broker))
        monkeypatch.setattr(new_partition, "first_blocks", lambda *_: {})  # there is one partition, so none is new
        self.archiver, self.archived = self.new_archiver(), 0

    def new_archiver(self) -> BlockArchiver:
        """Return a block archiver that knows nothing but the vault."""
        config = PartitionConfig("blocks", 0, (PinnedLog(ORIGIN, (KEY,)),), (), DAY, from_beginning=True)
        store_retry = StoreRetry(threading.Event(), lambda _: None)
        return BlockArchiver(config, self.vault, ArchiverMetrics(CollectorRegistry()), store_retry)

    def begin(self) -> PartitionSealer:
        """Start a partition sealer, with metrics of its own."""
        self.registry = CollectorRegistry()
        metrics = SealerMetrics(self.registry)
        context = self.context(metrics)
        self.producers = BlockProducers(context, object)
        return PartitionSealer(context, ORIGIN, LogMetrics(metrics, ORIGIN), self)

    def topics(self) -> tuple[TopicView, TopicView]:
        return TopicView("events", "id-events", (1,), {}), TopicView("blocks", "id-blocks", (1,), {})

    def report(self, partition: PartitionSealer, state: SealingState, problem: str | None = None) -> None:
        pass

    def fail(self, error: Exception) -> None:
        self.failures.append(error)
        self.failed.set()

    def run(self) -> None:
        """Seal until all events are in committed blocks, and stop."""
        made = self.begin()
        deadline = time.monotonic() + BOUND
        while self.sealed() < len(self.broker.events) and not self.failures and time.monotonic() < deadline:
            time.sleep(0.005)
        made.finish(CloseReason.STOPPED)
        assert made.join(BOUND)
        self.producers.close()
        assert not self.failures, self.failures
        self.broker.check()

    def sealed(self) -> int:
        return self.broker.group[0] if self.broker.group else 0

    def archive(self) -> None:
        """Hand each committed block that it hasn't seen to the archiver."""
        committed = self.broker.committed()
        for data in committed[self.archived :]:
            self.archiver.archive(data, "a block")
        self.archived = len(committed)

    def check(self) -> None:
        """Let the oracle judge all that was ever acknowledged, published and stored."""
        self.archive()
        self.judge(self.broker.events)

    def judge(self, events: Sequence[Message]) -> None:
        """Let the oracle judge the vault as it is, which must hold these events and no others."""
        entries = tuple(
            Entry(0, offset, "stream", offset, digest_of(message.value())) for offset, message in enumerate(events)
        )
        published = [entry.value for entry in self.broker.blocks if entry.value is not None]
        found = judge(Ledger(entries), Path(self.vault.url.removeprefix("file://")), TRUST, heights_of(published))
        assert found.sealed == len(events)

    def context(self, metrics: SealerMetrics | None = None) -> SealerContext:
        """Return what the sealer works with, on this broker and this vault."""

        def ask(name: str, effect: Callable[[], Any]) -> Any:
            try:
                return self.broker.call(name, effect)
            except KafkaException as error:
                raise UnavailableError(str(error)) from error

        return SealerContext(
            CONFIG,
            LogSigners(SIGNER),
            vault=AskedVault(self.vault, ask),  # type: ignore[arg-type]
            cluster=FakeCluster(self.broker, ask),  # type: ignore[arg-type]
            metrics=metrics or SealerMetrics(CollectorRegistry()),
            watchdog=WATCHDOG,
        )
