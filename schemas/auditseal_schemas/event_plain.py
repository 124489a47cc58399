"""Plain events, checked and encoded in one pass: ASCII texts of usual lengths in Python's own types.

Nearly all events are. Every test here is exact, so what is encoded is what `AuditEvent` and `encode_unnumbered` would
have made. Anything else, and all that is wrong, is left to them. A service's thread spends most of its time here.

An event is written as one ASCII text. A length's varint is a character, or two from 64 bytes on. The first byte of two
is above 127: a lone surrogate has its place, which the error handler `surrogateescape` (PEP 383) turns into that byte.
Texts with surrogates of their own never come here: they aren't ASCII, or are refused by the parts that would hold them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from auditseal_schemas.event import SCHEMA_VERSION, EventFields
from auditseal_schemas.event_check import MAX_ITEMS
from auditseal_schemas.event_codec import (
    CATEGORIES,
    EVENT_PREFIX,
    MAX_EVENT_BYTES,
    UnnumberedEvent,
    encode_source,
    encode_text,
    microseconds_of,
)
from auditseal_schemas.event_id import is_event_id
from auditseal_schemas.event_parts import (
    Actor,
    Authorization,
    Category,
    Change,
    Outcome,
    Reason,
    Resource,
    Source,
    Stream,
)
from auditseal_schemas.varint import encode_long

_LONGEST = (1 << 13) - 1  # bytes of a text, whose length takes two
_NULL, _END = "\0", "\0"
_new_tuple = tuple.__new__  # as a NamedTuple's own __new__ does, which is written in Python
_NO_ATTRIBUTES: Mapping[str, str] = {}
_NO_CHANGES: Sequence[Change] = ()
_UNSTATED: Any = object()
Kind = TypeVar("Kind")


def _encode_length(length: int) -> str:
    zigzag = length << 1
    return chr(zigzag) if zigzag < 0x80 else chr(0xDC80 | zigzag & 0x7F) + chr(zigzag >> 7)


_LENGTHS = tuple(map(_encode_length, range(_LONGEST + 1)))
_SOME = tuple("\2" + length for length in _LENGTHS)
_OUTCOMES = {outcome: _encode_length(index) for index, outcome in enumerate(Outcome)}
_START = EVENT_PREFIX + encode_long(36)  # an id has 36 bytes
_VERSION = encode_long(SCHEMA_VERSION)


class _NotPlainError(Exception):
    """Leaves an event to `AuditEvent`."""


class PlainEventEncoder:
    """Encodes the plain events of one source and stream."""

    def __init__(self, source: Source, stream: Stream) -> None:
        self._source = encode_source(source)
        self._stream = encode_text(stream.id)

    def encode(self, event_id: str, microseconds: int, fields: EventFields) -> UnnumberedEvent | None:
        """Encode all of an event but its number; return None where it isn't a plain one.

        Args:
            event_id: A UUIDv7 in lower case, for an event whose fields don't have one.
            microseconds: The time since the epoch, likewise.
            fields: What the service says of it.
        """
        try:
            return self._encode(event_id, microseconds, **fields)
        except (_NotPlainError, IndexError, TypeError, UnicodeEncodeError):
            return None  # IndexError: a longer text; TypeError: a field's name or text is missing or isn't one

    def _encode(  # noqa: PLR0913  (Python binds the names of fields quicker than we could look them up)
        self,
        stamped_id: str,
        microseconds: int,
        *,
        actor: Actor,
        action: str,
        resources: Sequence[Resource],
        outcome: Outcome,
        category: Category = Category.OTHER,
        event_type: str | None = None,
        event_id: str = _UNSTATED,
        occurred_at: datetime = _UNSTATED,
        tenant: str | None = None,
        status_code: str | None = None,
        reason: Reason | None = None,
        authorization: Authorization | None = None,
        changes: Sequence[Change] = _NO_CHANGES,
        trace_id: str | None = None,
        span_id: str | None = None,
        correlation_id: str | None = None,
        attributes: Mapping[str, str] = _NO_ATTRIBUTES,
    ) -> UnnumberedEvent:
        for text in (action, event_type, tenant, status_code, trace_id, span_id, correlation_id):
            if text is not None and not (type(text) is str and text.isascii()):
                raise _NotPlainError
        if not (action and type(actor) is Actor and type(category) is Category and type(outcome) is Outcome):
            raise _NotPlainError
        if event_id is _UNSTATED:
            event_id = stamped_id
        elif not (type(event_id) is str and is_event_id(event_id)):
            raise _NotPlainError
        if occurred_at is not _UNSTATED:
            if not (type(occurred_at) is datetime and occurred_at.tzinfo is UTC):
                raise _NotPlainError
            microseconds = microseconds_of(occurred_at)
        # The texts of parts are exactly `str`, and from here on so are all others: nothing runs code of theirs.
        body = "".join(
            (
                _LENGTHS[len(actor.type)],
                actor.type,
                _LENGTHS[len(actor.id)],
                actor.id,
                _NULL if (text := actor.name) is None else _SOME[len(text)] + text,
                _NULL if (text := actor.auth_method) is None else _SOME[len(text)] + text,
                _NULL if (text := actor.session_id) is None else _SOME[len(text)] + text,
                _NULL if (text := actor.on_behalf_of) is None else _SOME[len(text)] + text,
                _NULL if (text := actor.ip) is None else _SOME[len(text)] + text,
                _NULL if (text := actor.user_agent) is None else _SOME[len(text)] + text,
                _LENGTHS[len(action)],
                action,
                _write_resources(resources),
                _OUTCOMES[outcome],
                _NULL if status_code is None else _SOME[len(status_code)] + status_code,
                _NULL if reason is None else _write_reason(reason),
                _NULL if authorization is None else _write_authorization(authorization),
                _END if changes is _NO_CHANGES else _write_changes(changes),
                _NULL if trace_id is None else _SOME[len(trace_id)] + trace_id,
                _NULL if span_id is None else _SOME[len(span_id)] + span_id,
                _NULL if correlation_id is None else _SOME[len(correlation_id)] + correlation_id,
            )
        )
        head = b"".join(
            (
                _START,
                event_id.encode(),
                _VERSION,
                b"\0" if event_type is None else _encode(_SOME[len(event_type)] + event_type),
                encode_long(microseconds),
                b"\0" if tenant is None else _encode(_SOME[len(tenant)] + tenant),
                CATEGORIES[category],
                self._source,
                _encode(body),
                self._stream,
            )
        )
        tail = b"\0" if attributes is _NO_ATTRIBUTES else _encode(_write_attributes(attributes))
        if len(head) + 1 + len(tail) > MAX_EVENT_BYTES:
            raise _NotPlainError
        return _new_tuple(UnnumberedEvent, (head, tail))


def _encode(text: str) -> bytes:
    return text.encode("ascii", "surrogateescape")


def _some(text: str | None) -> str:
    return _NULL if text is None else _SOME[len(text)] + text


def _items(items: object, kind: type[Kind]) -> tuple[Kind, ...]:
    if type(items) is not list and type(items) is not tuple:
        raise _NotPlainError
    frozen = tuple(items)  # another thread may change a list
    if len(frozen) > MAX_ITEMS:
        raise _NotPlainError
    for each in frozen:
        if type(each) is not kind:
            raise _NotPlainError
    return frozen


def _write_resources(resources: Sequence[Resource]) -> str:
    items = _items(resources, Resource)
    if not items:
        raise _NotPlainError
    written = _LENGTHS[len(items)]
    for each in items:
        written += (
            f"{_LENGTHS[len(each.type)]}{each.type}{_LENGTHS[len(each.id)]}{each.id}"
            f"{_NULL if each.name is None else _SOME[len(each.name)] + each.name}"
            f"{_NULL if each.parent is None else _SOME[len(each.parent)] + each.parent}"
        )
    return written + _END


def _write_changes(changes: Sequence[Change]) -> str:
    items = _items(changes, Change)
    if not items:
        return _END
    parts = [f"{_LENGTHS[len(each.field)]}{each.field}{_some(each.before)}{_some(each.after)}" for each in items]
    return "".join((_LENGTHS[len(items)], *parts, _END))


def _write_reason(reason: Reason) -> str:
    if type(reason) is not Reason:
        raise _NotPlainError
    return f"\2{_some(reason.code)}{_some(reason.text)}"


def _write_authorization(authorization: Authorization) -> str:
    if type(authorization) is not Authorization:
        raise _NotPlainError
    granted = "\1" if authorization.granted else "\0"
    return f"\2{granted}{_some(authorization.permission)}{_some(authorization.policy)}"


def _write_attributes(attributes: Mapping[str, str]) -> str:
    if type(attributes) is not dict:
        raise _NotPlainError
    items = list(attributes.items())  # another thread may change them
    if len(items) > MAX_ITEMS:
        raise _NotPlainError
    if not items:
        return _END
    written = _LENGTHS[len(items)]
    if len(items) > 1:
        items.sort()  # in the order of their code points, which is that of their UTF-8 bytes
    for key, value in items:
        if not (type(key) is str and type(value) is str and key and key.isascii() and value.isascii()):
            raise _NotPlainError
        written += f"{_LENGTHS[len(key)]}{key}{_LENGTHS[len(value)]}{value}"
    return written + _END
