"""Event ids: their form, and how an event with an identity elsewhere gets the same one however often it comes."""

import re
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

_UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def is_event_id(text: str) -> bool:
    """Return whether a text has the form of an event's id: a UUIDv7 in lower case (RFC 9562, section 5.7)."""
    return _UUID7.fullmatch(text) is not None


def derive_event_id(occurred_at: datetime, *identity: str) -> str:
    """Return the UUIDv7 (RFC 9562, section 5.7) of an event that other texts identify.

    Its first 48 bits are the time in ms since the epoch, as in any UUIDv7, so that ids sort by time. The bits that are
    random otherwise are the first of SHA-256 over the texts in UTF-8, each with its length before it.

    Args:
        occurred_at: When it happened; aware, and not before 1970.
        identity: What identifies it, such as a cluster, an audit id and a stage.
    """
    digest = sha256(b"".join(_counted(text.encode("utf-8", "surrogatepass")) for text in identity)).digest()
    milliseconds = max(0, (occurred_at - _EPOCH) // _MILLISECOND) & (1 << 48) - 1
    number = milliseconds << 80 | int.from_bytes(digest[:10], "big")
    versioned = number & ~(0xF << 76) | 7 << 76
    return str(UUID(int=versioned & ~(3 << 62) | 2 << 62))


def _counted(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big") + data
