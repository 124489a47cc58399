"""A consumer of one partition that says of each record whether its headers could be read (ADR 0017).

librdkafka's Python binding answers None both where a record has no headers and where librdkafka refuses them. A sealer
that used it would sign that there were none. So this calls librdkafka itself.
"""

from collections.abc import Mapping

from confluent_kafka import TopicPartition

from auditseal_sealer import librdkafka
from auditseal_sealer.consumer_handle import check, known_end, list_of, make_consumer
from auditseal_sealer.queue_reader import QueueReader


class RecordConsumer(QueueReader):
    """Reads one partition at a time, outside of any group. One thread at a time, but for `wake`."""

    def __init__(self, properties: Mapping[str, str]) -> None:
        """Connect; `properties` are librdkafka's, with a `group.id`.

        Raises:
            KafkaException: librdkafka refuses a property.
        """
        self._handle = make_consumer(properties)
        super().__init__(librdkafka.queue_get_consumer(self._handle))

    def assign(self, where: TopicPartition) -> None:
        """Read from an offset of a partition on; with a leader epoch, Kafka reports whether the log was truncated.

        Raises:
            KafkaException: librdkafka refuses.
        """
        self.drop()
        with list_of(where) as chosen:
            check(librdkafka.assign(self._handle, chosen))

    def known_end(self, where: TopicPartition) -> int:
        """Return a partition's end as the last fetch reported it, -1 before."""
        return known_end(self._handle, where)

    def close(self) -> None:
        """Disconnect."""
        if self._handle:
            self.drop()
            librdkafka.consumer_close(self._handle)
            super().close()
            handle, self._handle = self._handle, 0
            librdkafka.destroy(handle)
