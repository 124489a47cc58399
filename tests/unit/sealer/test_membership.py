"""The sealer's member of the group on a scripted consumer: which generation it shows."""

import pytest
from confluent_kafka import TopicPartition

from auditseal_daemon import group_member
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.membership import Membership
from tests.unit.daemon.scripted_consumer import ScriptedConsumer

CONFIG = SealerConfig(client={}, events_topic="events", blocks_topic="blocks", cluster="c", group="g", instance="one")


def test_what_is_revoked_ends_under_the_generation_that_revokes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    consumer, shown = ScriptedConsumer({}), list[object]()
    monkeypatch.setattr(group_member, "Consumer", lambda settings: consumer)
    member = Membership(CONFIG)
    member.join(
        on_assigned=lambda partitions: None,
        on_revoked=lambda partitions: shown.append((partitions, member.metadata())),
        on_lost=lambda partitions: None,
    )
    consumer.answers = [lambda: consumer.callbacks["on_revoke"](consumer, [TopicPartition("events", 3)])]
    member.poll(0)
    assert shown == [([3], 1)]
