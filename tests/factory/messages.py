"""Messages as Kafka's client hands them over."""

from collections.abc import Iterable
from dataclasses import dataclass

from auditseal_schemas.header import TIMESTAMP_APPEND
from auditseal_schemas.record import RecordHeaders


@dataclass(frozen=True)
class Message:
    """The part of `confluent_kafka.Message` that is sealed; `broken_headers` answers as the real one does."""

    at: int
    content: bytes | None = b"value"
    key_bytes: bytes | None = b"key"
    header_list: RecordHeaders | None = None
    ms: int = 1_700_000_000_000
    kind: int = TIMESTAMP_APPEND
    broken_headers: bool = False

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return self.kind, self.ms

    def key(self) -> bytes | None:
        return self.key_bytes

    def headers(self) -> RecordHeaders | None:
        if self.broken_headers:
            raise SystemError("returned a result with an exception set")
        return self.header_list

    def value(self) -> bytes | None:
        return self.content


def messages(offsets: Iterable[int]) -> list[Message]:
    """Return different messages at the offsets."""
    return [
        Message(offset, b'{"number": %d}' % offset, b"actor-%d" % (offset % 3), ms=1_700_000_000_000 + offset % 1000)
        for offset in offsets
    ]
