"""`auditseal topics` on a real Kafka: made as they must be, grown in order, audited, and never changed otherwise."""

import json
import os
from pathlib import Path

import pytest
from confluent_kafka import Producer
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.halt import Halt
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.origin import Origin
from auditseal_schemas.public_key import ML_DSA_44
from auditseal_schemas.trust import Trust
from auditseal_sealer.key_file import store_key
from tests.factory.keys import SIGNER
from tests.factory.vaults import make_log


@pytest.fixture
def topics(kafka: KafkaNode, topic_name, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    monkeypatch.setenv("AUDITSEAL_EVENTS_TOPIC", topic_name("events"))
    monkeypatch.setenv("AUDITSEAL_BLOCKS_TOPIC", topic_name("blocks"))

    def run(*arguments: str):
        result = CliRunner().invoke(app, ["topics", *arguments, "--json"])
        return result.exit_code, json.loads(result.stdout)

    return run


def test_topics_are_made_once_and_pass_the_audit(topics) -> None:
    code, found = topics("create", "--partitions", "2", "--replication", "1")
    assert (code, found["ok"], len(found["made"])) == (0, True, 2)
    assert topics("create", "--partitions", "2", "--replication", "1") == (0, {"ok": True, "made": [], "problems": []})
    assert topics("check", "--replication", "1")[0] == 0


def test_another_number_of_partitions_than_there_are_is_told(topics) -> None:
    topics("create", "--partitions", "2", "--replication", "1")
    code, found = topics("create", "--partitions", "3", "--replication", "1")
    assert (code, found["made"]) == (Halt.TOPIC_MISCONFIGURED.exit_code, [])
    assert len(found["problems"]) == 2
    assert all("it has 2 partitions, not 3" in problem for problem in found["problems"])


def test_the_audit_names_what_is_wrong(topics) -> None:
    code, found = topics("check", "--replication", "1")
    assert code == Halt.TOPIC_MISCONFIGURED.exit_code
    assert len(found["problems"]) == 2
    assert all("no such topic" in problem for problem in found["problems"])
    topics("create", "--partitions", "1", "--replication", "1")
    code, found = topics("check", "--replication", "3")
    assert code == Halt.TOPIC_MISCONFIGURED.exit_code
    assert any("replicas" in problem for problem in found["problems"])


def test_a_hardened_topic_refuses_a_batch_that_grows_and_takes_the_usual_ones(topics, kafka: KafkaNode) -> None:
    assert topics("create", "--partitions", "1", "--replication", "1", "--hardened")[0] == 0
    code, found = topics("check", "--replication", "1", "--hardened")
    assert (code, found["sealer_memory_mib"]) == (0, 259)
    answers = list[object]()
    settings = {"bootstrap.servers": kafka.bootstrap_servers, "compression.type": "zstd", "message.max.bytes": 1 << 28}
    producer = Producer(settings)
    for value in (bytes(60 << 20), b"usual " * 1000):
        producer.produce(
            os.environ["AUDITSEAL_EVENTS_TOPIC"], value, on_delivery=lambda error, _: answers.append(error)
        )
        assert producer.flush(30) == 0
    assert [error and error.name() for error in answers] == ["MSG_SIZE_TOO_LARGE", None]


def test_a_topic_that_isnt_hardened_is_no_problem_unless_it_must_be(topics) -> None:
    topics("create", "--partitions", "1", "--replication", "1")
    code, found = topics("check", "--replication", "1")
    assert (code, found["sealer_memory_mib"]) == (0, 3352)
    code, found = topics("check", "--replication", "1", "--hardened")
    assert code == Halt.TOPIC_MISCONFIGURED.exit_code
    assert ["compression.type is producer" in problem for problem in found["problems"]] == [True]


def partitions_of(kafka: KafkaNode) -> list[int]:
    topics = kafka_topics(kafka)
    return [len(topics[os.environ[f"AUDITSEAL_{kind}_TOPIC"]].partitions) for kind in ("EVENTS", "BLOCKS")]


def kafka_topics(kafka: KafkaNode):
    return Producer({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=20).topics


@pytest.fixture
def growing(topics, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Topics of two partitions, a signing key, and a trust file that pins both logs."""
    topics("create", "--partitions", "2", "--replication", "1")
    (tmp_path / "passphrase").write_text("secret\n")
    (tmp_path / "passphrase").chmod(0o600)
    store_key(tmp_path / "sealer.pem", SIGNER, "secret")
    monkeypatch.setenv("AUDITSEAL_CLUSTER", "a.example")
    monkeypatch.setenv("AUDITSEAL_SEALER__KEY_FILE", str(tmp_path / "sealer.pem"))
    monkeypatch.setenv("AUDITSEAL_SEALER__PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    monkeypatch.setenv("AUDITSEAL_SEALER__REPLICATION", "1")
    shown = CliRunner().invoke(app, ["keys", "show", str(tmp_path / "sealer.pem"), "--partitions", "2",
                                     "--passphrase-file", str(tmp_path / "passphrase")])  # fmt: skip
    trust = tmp_path / "trust.txt"
    trust.write_text(shown.stdout)
    monkeypatch.setenv("AUDITSEAL_ARCHIVER__TRUST_FILE", str(trust))
    return lambda *arguments: topics("grow", *arguments), trust


def test_topics_and_trust_file_grow_once(growing, kafka: KafkaNode) -> None:
    grow, trust = growing
    assert trust.read_text().count("\n") == 2
    code, found = grow("--partitions", "4")
    names = [os.environ["AUDITSEAL_BLOCKS_TOPIC"], os.environ["AUDITSEAL_EVENTS_TOPIC"]]
    assert (code, found["ok"], found["grown"], len(found["log_lines"])) == (0, True, names, 2)
    assert partitions_of(kafka) == [4, 4]
    assert trust.read_text().splitlines()[2:] == found["log_lines"]
    assert grow("--partitions", "4") == (0, {"ok": True, "grown": [], "log_lines": [], "problems": []})


def test_a_new_log_with_a_second_key_is_pinned_by_both(
    growing, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow, trust = growing
    second = SigningKey.generate(ML_DSA_44)
    store_key(tmp_path / "second.pem", second, "secret")
    monkeypatch.setenv("AUDITSEAL_SEALER__SECOND_KEY_FILE", str(tmp_path / "second.pem"))
    monkeypatch.setenv("AUDITSEAL_SEALER__SECOND_PASSPHRASE_FILE", str(tmp_path / "passphrase"))
    code, found = grow("--partitions", "3")
    assert (code, found["ok"], len(found["log_lines"])) == (0, True, 2)
    (log,) = Trust.parse(trust.read_bytes()).logs[2:]
    assert log.keys == tuple(VerifierKey.of(str(log.origin), key) for key in (SIGNER, second))


def test_nothing_grows_where_the_new_logs_can_not_be_pinned(
    growing, kafka: KafkaNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, trust = growing
    monkeypatch.delenv("AUDITSEAL_SEALER__KEY_FILE")
    before = trust.read_text()
    ended = CliRunner().invoke(app, ["topics", "grow", "--partitions", "4"])
    assert ended.exit_code == 2
    assert "keys show" in ended.stderr
    assert (partitions_of(kafka), trust.read_text()) == ([2, 2], before)
    fewer = CliRunner().invoke(app, ["topics", "grow", "--partitions", "1"])
    assert (fewer.exit_code, "can't reduce them to 1" in fewer.stderr) == (2, True)


def test_a_blocks_topic_that_has_another_topics_blocks_is_refused(
    growing, topics, kafka: KafkaNode, topic_name, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow, _ = growing
    theirs = Origin("a.example", "orders", 1, 0)
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})
    producer.produce(os.environ["AUDITSEAL_BLOCKS_TOPIC"], None, partition=1)
    producer.produce(os.environ["AUDITSEAL_BLOCKS_TOPIC"], make_log(theirs)[0].format(), partition=1)
    assert producer.flush(20) == 0
    problem = f"partition 1 has blocks of {theirs}, which is another events topic than a.example/"
    new = topic_name("events")
    monkeypatch.setenv("AUDITSEAL_EVENTS_TOPIC", new)
    for arguments in (["create", "--partitions", "2"], ["check"]):
        code, found = topics(*arguments, "--replication", "1")
        assert (code, found["made"], len(found["problems"])) == (Halt.TOPIC_MISCONFIGURED.exit_code, [], 1)
        assert problem in found["problems"][0]
    assert new not in kafka_topics(kafka)
    code, found = grow("--partitions", "4")
    assert (code, found["grown"], found["log_lines"]) == (Halt.TOPIC_MISCONFIGURED.exit_code, [], [])
    monkeypatch.setenv("AUDITSEAL_EVENTS_TOPIC", "orders")
    code, found = topics("check", "--replication", "1")
    assert not any("has blocks of" in problem for problem in found["problems"])
    monkeypatch.setenv("AUDITSEAL_CLUSTER", "b.example")
    code, found = topics("check", "--replication", "1")
    assert "another events topic than b.example/orders" in found["problems"][0]
