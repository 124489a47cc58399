"""Messages as the sealer's consumer hands them over."""

from collections.abc import Iterable
from dataclasses import dataclass

from auditseal_schemas.header import TIMESTAMP_APPEND
from auditseal_schemas.record import RecordHeaders


@dataclass(frozen=True)
class Message:
    """The part of a message that is sealed; with `broken_headers` its headers could not be read."""

    at: int
    content: bytes | None = b"value"
    key_bytes: bytes | None = b"key"
    header_list: RecordHeaders | None = None
    ms: int = 1_700_000_000_000
    kind: int = TIMESTAMP_APPEND
    broken_headers: bool = False

    @property
    def offset(self) -> int:
        return self.at

    @property
    def timestamp_type(self) -> int:
        return self.kind

    @property
    def timestamp(self) -> int:
        return self.ms

    @property
    def key(self) -> bytes | None:
        return self.key_bytes

    @property
    def headers(self) -> RecordHeaders | None:
        return None if self.broken_headers else self.header_list or ()

    @property
    def value(self) -> bytes | None:
        return self.content


def messages(offsets: Iterable[int]) -> list[Message]:
    """Return different messages at the offsets."""
    return [
        Message(offset, b'{"number": %d}' % offset, b"actor-%d" % (offset % 3), ms=1_700_000_000_000 + offset % 1000)
        for offset in offsets
    ]
