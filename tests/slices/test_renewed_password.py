"""A password that a real broker takes no more, under a running member of a group, and its renewal in its file."""

import time
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AclOperation, NewTopic, ResourceType

from auditseal.settings_kafka import KafkaSettings
from auditseal_daemon.client_properties import ClientProperties
from auditseal_daemon.group_member import GroupConfig, GroupMember
from tests.factory.secret_files import write_secret
from tests.factory.secured_kafka import SecuredKafka

_SECONDS = 60.0
USER, TOPIC = "member", "renewed.password"


def test_a_member_says_that_its_password_is_refused_and_goes_on_once_the_file_has_the_new_one(
    secured_kafka: SecuredKafka, tmp_path: Path
) -> None:
    secured_kafka.admin.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(20)
    secured_kafka.add_user(USER, "old")
    secured_kafka.allow(USER, ResourceType.TOPIC, TOPIC, AclOperation.READ, AclOperation.DESCRIBE)
    secured_kafka.allow(USER, ResourceType.GROUP, "g", AclOperation.READ, AclOperation.DESCRIBE)
    file = write_secret(tmp_path / "password", "old\n")
    member = GroupMember(client(secured_kafka, file), GroupConfig("g", TOPIC, "sealer"))
    assigned = list[int]()
    member.join(
        on_assign=lambda consumer, partitions: consumer.incremental_assign(at_start(partitions, assigned)),
        on_revoke=lambda *_: None,
        on_lost=lambda *_: None,
    )
    read = list[bytes]()

    def await_true(condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _SECONDS
        while not condition():
            assert time.monotonic() < deadline, (member.trouble(), read)
            message = member.poll(0.1)
            if message is not None and message.error() is None:
                read.append(message.value() or b"")

    await_true(lambda: assigned == [0])
    secured_kafka.add_user(USER, "new")
    await_true(lambda: "SASL authentication error" in (member.trouble() or ""))
    file.write_text("new\n")
    await_true(lambda: member.trouble() is None)
    publish(secured_kafka, b"after it")
    await_true(lambda: read == [b"after it"])
    member.leave(5)


def client(node: SecuredKafka, password: Path) -> ClientProperties:
    return KafkaSettings(
        bootstrap_servers=node.listener("sasl"),
        security_protocol="SASL_PLAINTEXT",
        sasl_username=USER,
        sasl_password_file=password,
    ).client_config()


def at_start(partitions: list[TopicPartition], numbers: list[int]) -> list[TopicPartition]:
    for each in partitions:
        numbers.append(each.partition)
        each.offset = 0
    return partitions


def publish(node: SecuredKafka, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": node.bootstrap_servers})
    producer.produce(TOPIC, value, partition=0)
    assert producer.flush(20) == 0
