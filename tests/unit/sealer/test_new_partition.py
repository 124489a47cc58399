"""Which partition is a new one, by what blocks topic and vault have."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from auditseal_daemon.topic_rules import TopicView
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_sealer import new_partition
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.log_keys import LogKeys
from auditseal_sealer.new_partition import is_new_partition, is_unarchived_partition
from auditseal_vault.log_reader import LogReader
from tests.factory.keys import OTHER_SIGNER, SIGNER
from tests.factory.vaults import MemoryVault, genesis, make_log, put_log, seal

FIRST, SECOND = (Origin("a.example", "audit.events", partition, 0) for partition in (0, 1))
TOPICS = TopicView("audit.events", "E", (1, 1), {}), TopicView("audit.blocks", "B", (1, 1), {})
OTHER_TOPIC = Origin("a.example", "orders", 0, 0)


class Stage:
    """A sealer of run `run`, and the first blocks in its blocks topic and in its vault."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.vault, self.firsts, self.run = MemoryVault(), dict[int, bytes](), 0
        monkeypatch.setattr(new_partition, "first_blocks", lambda *_: self.firsts)

    @property
    def context(self) -> Any:
        config = SealerConfig(
            client={}, events_topic="audit.events", blocks_topic="audit.blocks", cluster="a.example", run=self.run
        )
        return SimpleNamespace(
            config=config,
            archive=lambda origin: LogReader(self.vault, origin),
            keys=lambda origin: LogKeys((VerifierKey(str(origin), SIGNER.public),)),
        )

    def is_new(self, origin: Origin) -> bool:
        return is_new_partition(self.context, replace(origin, run=self.run), TOPICS)

    def is_unarchived(self, origin: Origin) -> bool:
        return is_unarchived_partition(self.context, replace(origin, run=self.run), 2)

    def archive(self, origin: Origin, **more: Any) -> None:
        put_log(self.vault, make_log(origin, **more)[:1])


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_where_no_log_has_begun_none_is_new(stage: Stage) -> None:
    assert not stage.is_new(SECOND)
    assert not stage.is_unarchived(SECOND)


def test_a_log_is_new_next_to_one_in_the_blocks_topic(stage: Stage) -> None:
    stage.firsts[0] = make_log(FIRST)[0].format()
    assert stage.is_new(SECOND)
    assert not stage.is_new(FIRST)
    assert not stage.is_unarchived(SECOND)


def test_a_log_is_new_next_to_one_in_the_vault(stage: Stage) -> None:
    stage.archive(FIRST)
    assert (stage.is_new(SECOND), stage.is_unarchived(SECOND)) == (True, True)
    assert (stage.is_new(FIRST), stage.is_unarchived(FIRST)) == (False, False)


def test_a_log_that_has_begun_anywhere_is_not_new(stage: Stage) -> None:
    stage.archive(FIRST)
    stage.firsts[1] = make_log(SECOND)[0].format()
    assert not stage.is_new(SECOND)
    assert stage.is_unarchived(SECOND)


@pytest.mark.parametrize(
    "first",
    [b"garbage", make_log(OTHER_TOPIC)[0].format(), make_log(FIRST)[0].format()],
    ids=["garbage", "topic", "log"],
)
def test_a_strangers_record_begins_no_log(stage: Stage, first: bytes) -> None:
    stage.firsts[1] = first
    assert not stage.is_new(FIRST)
    stage.archive(FIRST)
    assert stage.is_new(SECOND)


def test_a_strangers_object_begins_no_log(stage: Stage) -> None:
    stage.archive(FIRST)
    stage.vault.put(SECOND.block_key(0), b"garbage")
    assert stage.is_new(SECOND)
    stage.vault.objects[SECOND.block_key(0)].clear()
    stage.vault.put(SECOND.block_key(0), None)
    assert stage.is_new(SECOND)
    stage.vault.objects.clear()
    stage.archive(FIRST)
    put_log(stage.vault, [seal(genesis(SECOND, OTHER_SIGNER), 3, signers=[OTHER_SIGNER])])
    assert stage.is_new(SECOND)


def test_a_log_of_an_earlier_run_has_begun_whatever_its_key(stage: Stage) -> None:
    stage.archive(FIRST)
    stage.archive(SECOND)
    stage.run = 1
    assert not stage.is_new(SECOND)
    stage.vault.objects.pop(SECOND.block_key(0))
    assert stage.is_new(SECOND)


def test_a_vault_that_is_away_does_not_make_a_partition_new(stage: Stage) -> None:
    stage.vault.broken = "*"
    with pytest.raises(UnavailableError):
        stage.is_new(SECOND)
