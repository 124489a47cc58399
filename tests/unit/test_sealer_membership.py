"""The sealer's member of the group on a scripted consumer: which generation it shows, and what errors become."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition
from structlog.testing import capture_logs

from auditseal_sealer import membership
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.errors import ExpelledError
from auditseal_sealer.membership import Membership

CONFIG = SealerConfig(client={}, events_topic="events", blocks_topic="blocks", cluster="c", group="g", instance="one")
FENCED_TEXT = "Fatal error: Broker: Static consumer fenced by other consumer with same group.instance.id"


class News:
    """What `poll` returns where there is an error."""

    def __init__(self, error: KafkaError) -> None:
        self._error = error

    def error(self) -> KafkaError:
        return self._error

    def __len__(self) -> int:
        return 0  # as a message without a value has it


class ScriptedConsumer:
    """Its generation goes up before its next piece of news, as it does within a real `poll`."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.generation, self.news = 0, list[News | Callable[[], None]]()
        self.closing: Callable[[], object] = lambda: None

    def subscribe(self, topics: Sequence[str], **callbacks: Callable[..., None]) -> None:
        self.callbacks = callbacks

    def consumer_group_metadata(self) -> int:
        return self.generation

    def poll(self, timeout: float) -> News | None:
        news = self.news.pop(0) if self.news else None
        if news is None or isinstance(news, News):
            return news
        self.generation += 1
        news()
        return None

    def close(self) -> None:
        self.closing()

    def incremental_unassign(self, partitions: Sequence[TopicPartition]) -> None:
        pass


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> tuple[Membership, ScriptedConsumer, list[object]]:
    consumer, shown = ScriptedConsumer({}), list[object]()
    monkeypatch.setattr(membership, "Consumer", lambda settings: consumer)
    member = Membership({}, CONFIG)
    member.join(
        on_assigned=lambda partitions: None,
        on_revoked=lambda partitions: shown.append((partitions, member.metadata())),
        on_lost=lambda partitions: None,
    )
    return member, consumer, shown


def test_what_is_revoked_ends_under_the_generation_that_revokes_it(
    joined: tuple[Membership, ScriptedConsumer, list[object]],
) -> None:
    member, consumer, shown = joined
    consumer.news = [lambda: consumer.callbacks["on_revoke"](consumer, [TopicPartition("events", 3)])]
    member.poll(0)
    assert shown == [([3], 1)]


@pytest.mark.parametrize(
    "error",
    [KafkaError(KafkaError._FATAL, FENCED_TEXT), KafkaError(KafkaError.FENCED_INSTANCE_ID, FENCED_TEXT, True)],
    ids=["by its code", "by its flag"],
)
def test_a_fatal_error_is_raised_and_names_the_name(
    joined: tuple[Membership, ScriptedConsumer, list[object]], error: KafkaError
) -> None:
    member, consumer, _ = joined
    consumer.news = [News(error)]
    with pytest.raises(ExpelledError, match=r"group g .*Static consumer fenced.*'one' \(sealer.instance\)"):
        member.poll(0)


def test_another_error_is_trouble_for_a_while(
    joined: tuple[Membership, ScriptedConsumer, list[object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    member, consumer, _ = joined
    assert member.trouble is None
    consumer.news = [News(KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "not allowed"))]
    member.poll(0)
    assert member.trouble == "not allowed (GROUP_AUTHORIZATION_FAILED)"
    member.poll(0)
    assert member.trouble
    monkeypatch.setattr(membership, "_TROUBLE_SECONDS", 0.0)
    assert member.trouble is None


def refuse() -> None:
    raise KafkaException(KafkaError(KafkaError._FATAL, FENCED_TEXT))


@pytest.mark.parametrize("closing", [lambda: time.sleep(2), refuse], ids=["doesn't come back", "fails"])
def test_a_goodbye_that_nobody_hears_is_told_and_no_more(
    joined: tuple[Membership, ScriptedConsumer, list[object]], closing: Callable[[], object]
) -> None:
    member, consumer, _ = joined
    consumer.closing = closing
    begun = time.monotonic()
    with capture_logs() as lines:
        member.close(0.1)
    assert time.monotonic() - begun < 1.5
    assert [line["event"] for line in lines] == ["Kafka didn't hear that this sealer leaves"]
