"""`auditseal topics` on a real Kafka: made as they must be, audited, and never changed."""

import json

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.halt import Halt


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
