"""A Kafka message as it was read: the part of it that is sealed."""

from typing import Protocol

from auditseal_schemas.record import Contents, RecordEncoder, RecordHeaders


class KafkaMessage(Protocol):
    """The part of a message that is sealed."""

    @property
    def offset(self) -> int:
        """The record's offset."""
        ...

    @property
    def timestamp_type(self) -> int:
        """The timestamp's type, one of the header's `TIMESTAMP_` numbers."""
        ...

    @property
    def timestamp(self) -> int:
        """The timestamp in ms since the epoch, -1 where there is none."""
        ...

    @property
    def key(self) -> Contents | None:
        """The key."""
        ...

    @property
    def headers(self) -> RecordHeaders | None:
        """The headers, empty where there are none, and None where there are some that could not be read."""
        ...

    @property
    def value(self) -> Contents | None:
        """The value."""
        ...


def encode_message(message: KafkaMessage) -> bytes:
    """Return the encoding that a message has, or will have, as a sealed record."""
    encoder = RecordEncoder()
    return encoder.encode(message.offset, message.timestamp, message.key, message.headers, message.value)
