"""The events that were recorded lately, by source and id: a retry gets the first one's receipt, and records nothing.

It lasts as long as the process, and for a bounded number of events. A retry after that is recorded again, with the same
`event_id`, so that readers recognize the two as one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from hashlib import sha256
from operator import attrgetter

from auditseal_producer import PendingReceipt, Receipt
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Actor, Authorization, Change, Reason, Resource, Source

_PARTS: Mapping[type, Callable[[object], object]] = {
    kind: attrgetter(*(field.name for field in fields(kind)))
    for kind in (Actor, Authorization, Change, Reason, Resource)
}
"""For each kind of part the function that returns its values."""


@dataclass(slots=True)
class Entry:
    """One event.

    Attributes:
        digest: The hash of what the client said of it; None while nobody but the gateway knows its id.
        handle: The producer's handle.
        receipt: Ends in its receipt.
    """

    digest: bytes | None
    handle: PendingReceipt
    receipt: "asyncio.Future[Receipt]"


class Remembered:
    """Events by source and id; the oldest is forgotten when there are too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: OrderedDict[tuple[Source, str], Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, source: Source, event_id: str) -> Entry | None:
        """Return an event."""
        return self._entries.get((source, event_id))

    def add(self, source: Source, event_id: str, entry: Entry) -> None:
        """Remember an event."""
        self._entries[source, event_id] = entry
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def forget(self, source: Source, event_id: str) -> None:
        """Forget an event, such as one that failed, so that a retry is recorded."""
        self._entries.pop((source, event_id), None)


def digest_of(event: EventFields) -> bytes:
    """Return a hash of an event's fields but its id, the same for equal fields in any order."""
    stated = [(name, _plain(value)) for name, value in sorted(event.items()) if name != "event_id"]
    return sha256(repr(stated).encode()).digest()


def _plain(value: object) -> object:
    """Return a value whose text is quickly made, and the same for equal values: a field's name says what it was."""
    if isinstance(value, Mapping):
        return sorted(value.items())
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    parts = _PARTS.get(type(value))
    return value if parts is None else parts(value)
