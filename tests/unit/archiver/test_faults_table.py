"""Failures as a table, the archiver's part: each call of its consumer, and each thing that may become of it.

The whole daemon's body works on a broker in memory and on a directory. Where an error ends it, it is started again, as
a supervisor would. The oracle judges the vault after each life.
"""

import threading
import time
from pathlib import Path

import pytest
from confluent_kafka import KafkaException
from prometheus_client import CollectorRegistry

from auditseal_archiver import archiver, start_offset, written_blocks
from auditseal_archiver.archiver import Archiver
from auditseal_archiver.config import ArchiverConfig
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.readiness import CONDITIONS
from auditseal_daemon import group_member, retry
from auditseal_daemon.telemetry import Health
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from tests.factory.archiving import DAY, FaultyVault
from tests.factory.blocks import NOW
from tests.factory.keys import SIGNER
from tests.factory.messages import messages
from tests.faults.fake_kafka import Broker, FakeGroupConsumer, Fate, Kind, Plan
from tests.faults.ledger import Entry, Ledger
from tests.faults.oracle import digest_of, heights_of, judge

ORIGIN = Origin("faults.example.com", "events", 0, 0)
KEY = VerifierKey(str(ORIGIN), SIGNER.public)
RECORDS = 2  # of a block
EVENTS = messages(range(12))
BOUND = 20.0  # s; a case takes a tenth
LIVES = 4
CALLS = [
    ("committed", 1),
    ("get_watermark_offsets", 1),
    ("incremental_assign", 1),
    ("group_poll", 1),
    ("group_poll", 3),
    ("commit", 1),
    ("commit", 2),
    ("incremental_unassign", 1),
    ("close", 1),
]
KINDS = [Kind.RETRIABLE, Kind.FATAL, Kind.OTHER]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "wait_random_exponential", lambda **_: lambda _: 0)
    monkeypatch.setattr(start_offset, "_GIVE_UP_SECONDS", 0.2)
    monkeypatch.setattr(archiver, "_UPKEEP_SECONDS", 0.0)
    monkeypatch.setattr(written_blocks, "CHECK_SECONDS", 0.0)


def published() -> Broker:
    """Return a broker whose blocks topic holds the events in committed blocks."""
    broker, state, rest = Broker(), LogState.genesis(ORIGIN, (KEY,)), EVENTS
    while rest:
        draft = BlockDraft(state, BlockLimits(records=RECORDS))
        rest = rest[draft.extend(rest) :]
        block = draft.seal(SourceIdentity("cluster", "topic", 1, 0), [SIGNER], now=NOW, sealer="auditseal/test")
        broker.append_block(block.format())
        broker.end_transaction(commit=True)
        state = state.accept(Block.parse(block.format()))
    return broker


class Stage:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.broker, self.vault, self.lives = published(), FaultyVault(folder), 0
        self.waiting_bytes = 1 << 20
        monkeypatch.setattr(group_member, "Consumer", lambda settings: FakeGroupConsumer(self.broker))

    def live(self, seconds: float = BOUND) -> None:
        """Let an archiver live until the vault holds everything, or an error ends it."""
        config = ArchiverConfig(
            client={},
            blocks_topic="blocks",
            logs={0: (PinnedLog(ORIGIN, (KEY,)),)},
            retention=DAY,
            waiting_bytes=self.waiting_bytes,
        )
        stop, deadline = threading.Event(), time.monotonic() + seconds
        body = Archiver(config, self.vault, ArchiverMetrics(CollectorRegistry()), Health(CONDITIONS))
        self.lives += 1

        def watch() -> None:
            while not stop.is_set() and not self.is_done() and time.monotonic() < deadline:
                if self.vault.blocked and "pause" in self.broker.calls:
                    self.vault.blocked.set()
                time.sleep(0.002)
            stop.set()

        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            body.run(stop)
        except (KafkaException, UnavailableError):
            pass  # the process would end with code 1, and be started again
        finally:
            stop.set()
            watcher.join()
        self.check()

    def stored(self) -> int:
        """Return how many blocks the vault holds."""
        return sum(1 for _ in Path(self.vault.url.removeprefix("file://")).rglob("*.avro"))

    def is_done(self) -> bool:
        return self.stored() == len(self.broker.committed()) and self.broker.archived == len(self.broker.blocks) - 1

    def check(self) -> None:
        """Let the oracle judge the vault as it is: the blocks so far, and the events in them."""
        stored = self.stored()
        if not stored:
            return  # to the verifier a log that isn't there is missing
        entries = tuple(
            Entry(0, one.at, "stream", one.at, digest_of(one.content)) for one in EVENTS[: RECORDS * stored]
        )
        seen = heights_of(self.broker.committed())
        folder = Path(self.vault.url.removeprefix("file://"))
        assert judge(Ledger(entries), folder, f"log {KEY}\n", seen).blocks == stored

    def live_on(self) -> None:
        """Start archivers, each where the one before ended, until one is done."""
        while not self.is_done():
            assert self.lives < LIVES
            self.live()
        plan = self.broker.plan
        assert plan is None or self.broker.struck, f"{plan.call} was never called {plan.number} times"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(tmp_path, monkeypatch)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("fate", Fate, ids=lambda fate: fate.name.lower())
@pytest.mark.parametrize(("call", "number"), CALLS)
def test_a_call_of_the_consumer_fails(stage: Stage, call: str, number: int, fate: Fate, kind: Kind) -> None:
    stage.broker.plan = Plan(call, number, fate, kind)
    stage.broker.late = len(stage.broker.blocks) - 2  # the last block comes after a commit, so that there are two
    stage.live_on()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("fate", Fate, ids=lambda fate: fate.name.lower())
def test_going_back_to_the_beginning_fails_where_the_group_is_ahead_of_the_vault(
    stage: Stage, fate: Fate, kind: Kind
) -> None:
    stage.broker.archived = len(stage.broker.blocks) - 2
    stage.broker.plan = Plan("seek", 1, fate, kind)
    stage.live_on()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name.lower())
@pytest.mark.parametrize("fate", Fate, ids=lambda fate: fate.name.lower())
@pytest.mark.parametrize("call", ["pause", "resume"])
def test_holding_back_fails_where_the_store_is_slow(stage: Stage, call: str, fate: Fate, kind: Kind) -> None:
    stage.waiting_bytes, stage.vault.blocked = 1, threading.Event()
    stage.broker.plan = Plan(call, 1, fate, kind)
    stage.live_on()


def test_without_a_fault_one_life_does(stage: Stage) -> None:
    stage.live()
    assert stage.is_done()
    assert stage.stored() == len(EVENTS) // RECORDS
