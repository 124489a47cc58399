"""Messages of the demo's mix by the million: each is an event with its own id, time and number."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from random import Random

from auditseal.demo.services import SERVICES
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import encode_unnumbered
from auditseal_schemas.event_parts import Actor, Category, Outcome, Resource, Source, Stream
from auditseal_schemas.header import TIMESTAMP_CREATE
from auditseal_schemas.varint import encode_long
from tests.factory.messages import Message

BEGAN = datetime(2026, 3, 1, tzinfo=UTC)
A_DAY = 1_000_000
"""Events of a day."""
LARGE = "export.large"
"""The action of the one event of nearly 1 MB."""
_VARIETY = 100_000  # different events, as many as a row group has: a file's size is that of events that all differ
_ID = slice(11, 47)  # of an encoded event: after the prefix and the text's length
_TIME = 49  # after the schema's version and the branch of event_type
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def demo_messages(count: int) -> Iterator[Message]:
    """Yield Kafka messages, of which the one in the middle holds an event of nearly 1 MB."""
    parts = _varied_parts(min(count, _VARIETY))
    dice = Random(5)
    began = (BEGAN - _EPOCH) // timedelta(microseconds=1)
    step = 86_400_000_000 // A_DAY
    for number, varied in zip(range(count), chain.from_iterable(repeat(parts)), strict=False):
        prefix, rest, tail, key = _large_parts() if number == count // 2 else varied
        time = began + number * step
        value = b"".join(
            (prefix, _event_id(dice, time // 1000), b"\x02\x00", encode_long(time), rest, encode_long(number), tail)
        )
        yield Message(number, value, key, None, time // 1000, TIMESTAMP_CREATE)


def event_times(count: int) -> tuple[datetime, datetime]:
    """Return when the first event was, and when the one after the last would be."""
    return BEGAN, BEGAN + timedelta(days=count / A_DAY)


def _varied_parts(count: int) -> list[tuple[bytes, bytes, bytes, bytes]]:
    services = list(SERVICES.values())
    streams = [service.events(count // len(services) + 1, seed=7) for service in services]
    parts = []
    for number in range(count):
        service, fields = services[number % len(services)], next(streams[number % len(services)])
        source = Source(service=service.name, environment="demo", region=service.region)
        parts.append(_parts(AuditEvent(**fields, **_PLACEHOLDERS, source=source, stream=Stream(service.name, 0))))  # type: ignore[arg-type]
    return parts


_PLACEHOLDERS = {"event_id": "01900000-0000-7000-8000-000000000000", "occurred_at": BEGAN}


def _parts(event: AuditEvent) -> tuple[bytes, bytes, bytes, bytes]:
    """Return what comes before an event's id, between its time and its number, and after that; and the record's key."""
    encoded = encode_unnumbered(event)
    time = encode_long((event.occurred_at - _EPOCH) // timedelta(microseconds=1))
    return encoded.head[: _ID.start], encoded.head[_TIME + len(time) :], encoded.tail, event.actor.id.encode()


def _large_parts() -> tuple[bytes, bytes, bytes, bytes]:
    dice = Random(6)
    return _parts(
        AuditEvent(
            **_PLACEHOLDERS,  # type: ignore[arg-type]
            actor=Actor("user", "u-0001"),
            action=LARGE,
            resources=[Resource("archive", "everything")],
            outcome=Outcome.SUCCESS,
            category=Category.ACCESS,
            tenant="acorn",
            source=Source(service="records", environment="demo"),
            stream=Stream("records", 0),
            attributes={f"part{number}": dice.randbytes(122_000).hex() for number in range(4)},
        )
    )


def _event_id(dice: Random, milliseconds: int) -> bytes:
    """Return a UUIDv7 (RFC 9562, section 5.7)."""
    digits = f"{dice.getrandbits(74):019x}"
    time = f"{milliseconds:012x}"
    variant = f"{8 + int(digits[0], 16) % 4:x}"
    return f"{time[:8]}-{time[8:]}-7{digits[1:4]}-{variant}{digits[4:7]}-{digits[7:]}".encode()
