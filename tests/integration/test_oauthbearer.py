"""OAUTHBEARER on a real broker that checks the tokens' signatures, and a token endpoint on this machine."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer, TopicPartition
from typer.testing import CliRunner, Result

from auditseal.cli import app
from auditseal.settings import load_settings
from auditseal.settings_topics import TopicsSettings
from auditseal_daemon.kafka_client import properties
from auditseal_sealer.partition_consumer import Isolation, reading
from auditseal_sealer.record_consumer import RecordConsumer
from tests.factory.oauth_kafka import OauthKafka
from tests.factory.secret_files import write_secret
from tests.factory.token_provider import TokenProvider


@pytest.fixture(scope="module")
def provider() -> Iterator[TokenProvider]:
    with TokenProvider({"sealer": "secret"}) as provider:
        yield provider


@pytest.fixture(scope="module")
def oauth_kafka(tmp_path_factory: pytest.TempPathFactory, provider: TokenProvider) -> Iterator[OauthKafka]:
    with OauthKafka(tmp_path_factory.mktemp("oauth_kafka"), provider.keys()) as node:
        yield node


@pytest.fixture(autouse=True)
def connection(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, oauth_kafka: OauthKafka, provider: TokenProvider
) -> None:
    for name, value in {
        "BOOTSTRAP_SERVERS": oauth_kafka.token_listener,
        "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "SASL_MECHANISM": "OAUTHBEARER",
        "OAUTHBEARER__TOKEN_ENDPOINT_URL": provider.url,
        "OAUTHBEARER__CLIENT_ID": "sealer",
        "OAUTHBEARER__CLIENT_SECRET_FILE": str(write_secret(tmp_path / "secret", "secret\n")),
        "OAUTHBEARER__SCOPE": "kafka",
    }.items():
        monkeypatch.setenv(f"AUDITSEAL_KAFKA__{name}", value)


def topics(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["topics", *arguments, "--replication", "1"])


def test_clients_with_a_token_make_check_write_and_read_topics(provider: TokenProvider) -> None:
    made = topics("create", "--partitions", "1")
    assert made.exit_code == 0, made.stderr
    assert topics("check").exit_code == 0
    assert provider.asked >= 2
    client = load_settings(TopicsSettings, None).kafka.client_config()
    producer = Producer({**client, "logger": logging.getLogger(__name__)})
    producer.produce("audit.events", b"value", partition=0)
    assert producer.flush(30) == 0
    consumer = RecordConsumer(properties(client, **reading("sealers", Isolation.UNCOMMITTED)))
    consumer.assign(TopicPartition("audit.events", 0, 0))
    assert [record.value for record in consumer.read(1, 30).records] == [b"value"]
    consumer.close()


def test_records_are_read_on_after_the_token_has_ended(
    provider: TokenProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(provider, "seconds", 6)
    client = load_settings(TopicsSettings, None).kafka.client_config()
    producer = Producer({**client, "logger": logging.getLogger(__name__)})
    consumer = RecordConsumer(properties(client, **reading("sealers", Isolation.UNCOMMITTED)))
    offsets = list[int | None]()

    def publish() -> int:
        producer.produce(
            "audit.events", b"more", partition=0, on_delivery=lambda _, sent: offsets.append(sent.offset())
        )
        assert producer.flush(30) == 0
        return offsets[-1] or 0

    def read() -> int:
        deadline = time.monotonic() + 60
        while not (records := consumer.read(1, 1).records):  # the end of the partition is news too
            assert time.monotonic() < deadline
        return records[0].offset

    first = publish()
    consumer.assign(TopicPartition("audit.events", 0, first))
    assert read() == first
    asked, ended = provider.asked, time.monotonic() + provider.seconds + 1
    deadline = ended + 60
    while time.monotonic() < ended or provider.asked < asked + 2:  # a new token for each of the two clients
        assert time.monotonic() < deadline
        last = publish()
        assert read() == last
        time.sleep(0.5)
    consumer.close()


def test_a_wrong_secret_is_named_within_seconds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    wrong = write_secret(tmp_path / "wrong", "guess")
    monkeypatch.setenv("AUDITSEAL_KAFKA__OAUTHBEARER__CLIENT_SECRET_FILE", str(wrong))
    began = time.monotonic()
    refused = topics("check")
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "token" in refused.stderr
    assert time.monotonic() - began < 15


def test_a_token_that_another_provider_signed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with TokenProvider({"sealer": "secret"}) as stranger:
        monkeypatch.setenv("AUDITSEAL_KAFKA__OAUTHBEARER__TOKEN_ENDPOINT_URL", stranger.url)
        refused = topics("check")
    assert stranger.asked
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert "Kafka can't be used" in refused.stderr
