"""The events that were recorded lately, by source and id: a retry gets the first one's receipt, and records nothing.

It lasts as long as the process, and for a bounded number of events. A retry after that is recorded again, with the same
`event_id`, so that readers recognize the two as one.
"""

import asyncio
import sys
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from functools import partial
from hashlib import sha256
from operator import attrgetter
from typing import TypeAlias

from auditseal_producer import PendingReceipt, Receipt
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Actor, Authorization, Change, Reason, Resource, Source, Stream

_PARTS: Mapping[type, Callable[[object], object]] = {
    kind: attrgetter(*(field.name for field in fields(kind)))
    for kind in (Actor, Authorization, Change, Reason, Resource)
}
"""For each kind of part the function that returns its values."""


@dataclass(slots=True)
class Entry:
    """One event.

    Attributes:
        event_id: Its id.
        digest: The hash of the client's own fields; empty while only the gateway knows the id.
        receipt: Ends in its receipt.
        handle: The producer's handle; None once the receipt is there.
    """

    event_id: str
    digest: bytes
    receipt: "asyncio.Future[Receipt]"
    handle: PendingReceipt | None = None


_Kept: TypeAlias = tuple[bytes, str, int, int | None, int, str, int, bytes]
"""A recorded event: the digest, and the receipt's values. Python's garbage collector skips a tuple of such values."""


class Remembered:
    """Events by source and id, of one event loop; the oldest is forgotten when there are too many."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._numbers: dict[Source, int] = {}
        self._entries: OrderedDict[tuple[int, str], Entry | _Kept] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, source: Source, event_id: str) -> Entry | None:
        """Return an event."""
        found = self._entries.get(self._key(source, event_id))
        if not isinstance(found, tuple):
            return found
        digest, topic, partition, offset, timestamp, stream_id, sequence, sha256_ = found
        receipt = asyncio.get_running_loop().create_future()
        stream = Stream(stream_id, sequence)
        receipt.set_result(Receipt(topic, partition, offset, timestamp, event_id, stream, sha256_))
        return Entry(event_id, digest, receipt)

    def add(self, source: Source, entry: Entry) -> None:
        """Remember an event; when it ends, keep its receipt, or forget it if it failed, so that a retry is recorded."""
        key = self._key(source, entry.event_id)
        self._entries[key] = entry
        entry.receipt.add_done_callback(partial(self._end, key))
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)

    def _end(self, key: tuple[int, str], ended: "asyncio.Future[Receipt]") -> None:
        entry = self._entries.get(key)
        if not isinstance(entry, Entry) or entry.receipt is not ended:
            return  # it was forgotten
        if ended.cancelled() or ended.exception() is not None:
            del self._entries[key]
            return
        topic, partition, offset, timestamp, _, stream, sha256_ = ended.result()
        kept = (entry.digest, sys.intern(topic), partition, offset, timestamp, sys.intern(stream.id), stream.sequence)
        self._entries[key] = (*kept, sha256_)

    def _key(self, source: Source, event_id: str) -> tuple[int, str]:
        return self._numbers.setdefault(source, len(self._numbers)), event_id


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
