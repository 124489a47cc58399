"""The first blocks of a blocks topic, on a real Kafka."""

import time

from confluent_kafka import Producer

from auditseal_daemon.blocks_owner import first_blocks
from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules, TopicView
from auditseal_daemon.topics import create_topics
from auditseal_local.kafka import KafkaNode

PARTITIONS = 16
EMPTY = 3


def test_the_partitions_do_not_wait_for_each_other(kafka: KafkaNode) -> None:
    """A sealer asks at its start. With librdkafka's own pause between fetches it took a second a partition."""
    client, topic = {"bootstrap.servers": kafka.bootstrap_servers}, f"firsts-{time.time_ns()}"
    rules = TopicRules(PARTITIONS, replication=1)
    create_topics(Cluster(client, 20), rules, topic, f"{topic}.blocks")
    producer = Producer(client)
    for partition in set(range(PARTITIONS)) - {EMPTY}:
        for text in (b"first of %d", b"second of %d"):
            producer.produce(f"{topic}.blocks", (text % partition).ljust(100_000), partition=partition)
            assert producer.flush(20) == 0
    begun = time.monotonic()
    found = first_blocks(client, "any", TopicView(f"{topic}.blocks", "", (1,) * PARTITIONS, {}), 10)
    assert time.monotonic() - begun < PARTITIONS / 4
    expected = {number: b"first of %d" % number for number in range(PARTITIONS) if number != EMPTY}
    assert {partition: data.rstrip() for partition, data in found.items()} == expected
