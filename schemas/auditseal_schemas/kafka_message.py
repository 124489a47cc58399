"""A Kafka message: the part of it that is sealed, and how it is read from the client's binding."""

from collections.abc import Callable
from operator import methodcaller
from typing import Protocol

from auditseal_schemas.record import RecordEncoder, RecordHeaders

_call_headers: Callable[["KafkaMessage"], RecordHeaders | None] = methodcaller("headers")


class KafkaMessage(Protocol):
    """The part of `confluent_kafka.Message` that is sealed."""

    def offset(self) -> int:
        """Return the record's offset."""
        ...

    def timestamp(self) -> tuple[int, int]:
        """Return the timestamp's type and the ms."""
        ...

    def key(self) -> bytes | None:
        """Return the key."""
        ...

    def headers(self) -> RecordHeaders | None:
        """Return the headers; SystemError where a name is not UTF-8."""
        ...

    def value(self) -> bytes | None:
        """Return the value."""
        ...


def encode_message(message: KafkaMessage) -> bytes:
    """Return the encoding that a message has, or will have, as a sealed record."""
    timestamp = message.timestamp()[1]
    encoder = RecordEncoder()
    return encoder.encode(message.offset(), timestamp, message.key(), read_headers(message), message.value())


def read_headers(message: KafkaMessage) -> RecordHeaders | None:
    """Return a message's headers, None where a name is not UTF-8: the binding answers that with a SystemError.

    Through `methodcaller`, since the binding returns a list *and* sets an error, and a plain call that CPython 3.11 has
    specialised doesn't look: the error then came up in some later call.
    """
    try:
        return _call_headers(message) or ()
    except SystemError:
        return None
