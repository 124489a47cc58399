"""A record's original bytes as attributes of its event, so that nothing is lost by the mapping."""

from base64 import b64decode, b64encode
from collections.abc import Mapping

from auditseal_schemas.errors import EventError
from auditseal_schemas.event_check import MAX_TEXT_BYTES

ORIGINAL = "original"
"""The attribute of the first part; `original.2` and up are the following ones."""
ENCODING = "original.encoding"
"""`base64` where the bytes aren't UTF-8; absent otherwise."""


def original_attributes(record: bytes) -> dict[str, str]:
    """Return attributes that hold a record byte for byte, in parts of at most MAX_TEXT_BYTES."""
    try:
        text, found = record.decode(), dict[str, str]()
    except UnicodeDecodeError:
        text, found = b64encode(record).decode(), {ENCODING: "base64"}
    for number, part in enumerate(_cut(text) or [""], start=1):
        found[ORIGINAL if number == 1 else f"{ORIGINAL}.{number}"] = part
    return found


def original_bytes(attributes: Mapping[str, str]) -> bytes:
    """Return the record that `original_attributes` kept.

    Raises:
        EventError: There isn't one.
    """
    if ORIGINAL not in attributes:
        raise EventError("attributes", f"has no {ORIGINAL}: the event wasn't imported")
    parts, number = [attributes[ORIGINAL]], 2
    while (part := attributes.get(f"{ORIGINAL}.{number}")) is not None:
        parts.append(part)
        number += 1
    text = "".join(parts)
    return b64decode(text) if attributes.get(ENCODING) == "base64" else text.encode()


def _cut(text: str) -> list[str]:
    """Cut a text into parts that take at most MAX_TEXT_BYTES in UTF-8."""
    most = MAX_TEXT_BYTES if text.isascii() else MAX_TEXT_BYTES // 4
    return [text[at : at + most] for at in range(0, len(text), most)]
