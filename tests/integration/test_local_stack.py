"""The native stack itself: real processes, started, harmed, started again."""

from confluent_kafka import Consumer, Producer

from auditseal_local.kafka import KafkaNode


def publish(servers: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": servers, "acks": "all", "enable.idempotence": True})
    producer.produce(topic, value)
    assert producer.flush(20) == 0


def read_one(servers: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": f"read.{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        messages = consumer.consume(1, timeout=20)
        return messages[0].value() if messages else None
    finally:
        consumer.close()


def test_kafka_carries_a_record(kafka: KafkaNode, make_topic) -> None:
    topic = make_topic("events", partitions=2)
    publish(kafka.bootstrap_servers, topic, b"a")
    assert read_one(kafka.bootstrap_servers, topic) == b"a"
