"""A member of a group on a scripted consumer: its errors, the end of trouble, and its leaving."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from auditseal_daemon import broker_watch, group_member, kafka_client
from auditseal_daemon.client_properties import ClientProperties
from auditseal_daemon.errors import ExpelledError
from auditseal_daemon.group_member import GroupConfig, GroupMember
from tests.unit.daemon.scripted_consumer import Answer, ScriptedConsumer

CONFIG = GroupConfig("g", "events", "sealer", instance="one", session=8)
FENCED_TEXT = "Fatal error: Broker: Static consumer fenced by other consumer with same group.instance.id"
REFUSAL = KafkaError(KafkaError.GROUP_AUTHORIZATION_FAILED, "not allowed")
PASSWORD = KafkaError(KafkaError._AUTHENTICATION, "wrong password")
DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN, "1/1 brokers are down")


@pytest.fixture
def joined(monkeypatch: pytest.MonkeyPatch) -> tuple[GroupMember, ScriptedConsumer]:
    made = list[ScriptedConsumer]()

    def make(settings: dict[str, Any]) -> ScriptedConsumer:
        made.append(ScriptedConsumer(settings))
        return made[0]

    monkeypatch.setattr(group_member, "Consumer", make)
    member = GroupMember({"bootstrap.servers": "nowhere"}, CONFIG, fetch_max_bytes=7)
    member.join(on_assign=lambda *_: None, on_revoke=lambda *_: None, on_lost=lambda *_: None)
    return member, made[0]


def test_the_settings_are_the_clients_the_groups_and_the_readers(joined: tuple[GroupMember, ScriptedConsumer]) -> None:
    settings = joined[1].settings
    expected = {
        "bootstrap.servers": "nowhere",
        "group.id": "g",
        "group.instance.id": "one",
        "client.id": "auditseal-sealer",
        "session.timeout.ms": 8000,
        "heartbeat.interval.ms": 2000,
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "check.crcs": True,
        "fetch.max.bytes": 7,
    }
    assert {name: settings.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    "error",
    [KafkaError(KafkaError._FATAL, FENCED_TEXT), KafkaError(KafkaError.FENCED_INSTANCE_ID, FENCED_TEXT, True)],
    ids=["by its code", "by its flag"],
)
@pytest.mark.parametrize("heard", ["as a record", "by the callback"])
def test_a_fatal_error_is_raised_and_names_the_name(
    joined: tuple[GroupMember, ScriptedConsumer], error: KafkaError, heard: str
) -> None:
    member, consumer = joined
    consumer.answers = [Answer(error) if heard == "as a record" else lambda: consumer.settings["error_cb"](error)]
    with pytest.raises(ExpelledError, match=r"group g .*Static consumer fenced.*'one' \(sealer.instance\)"):
        member.poll(0)


def test_a_refusal_is_trouble_for_a_while(
    joined: tuple[GroupMember, ScriptedConsumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    member, consumer = joined
    assert member.trouble() is None
    consumer.answers = [Answer(REFUSAL)]
    with capture_logs():
        member.poll(0)
    assert member.trouble() == "not allowed (GROUP_AUTHORIZATION_FAILED)"
    member.poll(0)
    assert member.trouble()
    now = time.monotonic() + broker_watch.REFUSED_SECONDS
    monkeypatch.setattr(broker_watch.time, "monotonic", lambda: now)
    assert member.trouble() is None


def test_a_connections_trouble_lasts_until_the_brokers_answer_and_says_why_they_dont(
    joined: tuple[GroupMember, ScriptedConsumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    member, consumer = joined
    consumer.silent = True
    monkeypatch.setattr(kafka_client, "_connection", kafka_client._Connection())
    with capture_logs() as lines:
        for error in (PASSWORD, DOWN, DOWN, DOWN):
            consumer.answers = [partial(consumer.settings["error_cb"], error)]
            member.poll(0)
        assert member.trouble() == "Local: Timed out (_TIMED_OUT): wrong password (_AUTHENTICATION)"
        consumer.silent = False
        assert member.trouble() is None
    assert [line["log_level"] for line in lines] == ["warning", "warning", "info"], (
        "a repetition is logged once in ten seconds"
    )


def test_a_member_that_is_refused_logs_in_with_the_password_of_now_after_its_poll(
    joined: tuple[GroupMember, ScriptedConsumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    member, consumer = joined
    password = ["old", "new"]
    properties = ClientProperties({"sasl.username": "sealer"}, {"sasl.password": lambda: password.pop(0)})
    monkeypatch.setattr(member, "_client", properties)
    with capture_logs():
        for error in (DOWN, PASSWORD):
            consumer.answers = [partial(consumer.settings["error_cb"], error)]
            member.poll(0)
        member.poll(0)
    assert consumer.credentials == [("sealer", "new")]


@pytest.mark.parametrize("code", [KafkaError._PARTITION_EOF, KafkaError._AUTO_OFFSET_RESET])
def test_news_of_one_partition_is_no_trouble(joined: tuple[GroupMember, ScriptedConsumer], code: int) -> None:
    member, consumer = joined
    answer = Answer(KafkaError(code))
    consumer.answers = [answer]
    assert member.poll(0) is answer  # type: ignore[comparison-overlap]  (the script's own kind of message)
    assert member.trouble() is None


def refuse() -> None:
    raise KafkaException(KafkaError(KafkaError._FATAL, FENCED_TEXT))


@pytest.mark.parametrize("closing", [lambda: time.sleep(20), refuse], ids=["doesn't come back", "fails"])
def test_a_goodbye_without_an_answer_is_logged_and_no_more(
    joined: tuple[GroupMember, ScriptedConsumer], closing: Callable[[], object]
) -> None:
    member, consumer = joined
    consumer.closing = closing
    begun = time.monotonic()
    with capture_logs() as lines:
        member.leave(0.1)
    assert time.monotonic() - begun < 15
    assert [line["event"] for line in lines] == ["the group may not know that this member left"]


def test_a_member_that_has_to_join_again_subscribes_again(
    joined: tuple[GroupMember, ScriptedConsumer], monkeypatch: pytest.MonkeyPatch
) -> None:
    member, consumer = joined
    callbacks, consumer.callbacks = consumer.callbacks, {}
    monkeypatch.setattr(member._group, "take_rejoin", lambda asked: asked is consumer)
    with capture_logs() as lines:
        member.poll(0)
    assert (consumer.unsubscribed, consumer.callbacks) == (1, callbacks)
    assert lines[0]["event"] == "joining the group again, so that each partition gets a member"
