"""Records the events of a request, each once, and waits until the brokers have them, for a bounded time."""

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from uuid_utils import uuid7

from auditseal_gateway.errors import SourceClaimError
from auditseal_gateway.events_json import Parsed
from auditseal_gateway.publishers import Publishers
from auditseal_gateway.remembered import Entry, Remembered, digest_of
from auditseal_gateway.results import Recorded, Refused, Result, Spooled, Unavailable
from auditseal_producer import PublishError, Receipt
from auditseal_schemas.errors import EventError
from auditseal_schemas.event_parts import Source


class _Taken(NamedTuple):
    """An event on its way. `is_named`: the client gave its id, or what the id is derived from."""

    event_id: str
    entry: Entry
    is_named: bool
    is_repeated: bool


class Recorder:
    """Records events, of one event loop.

    Args:
        publishers: The producers.
        remembered: What was recorded lately.
        ack_seconds: How long a request waits for the brokers.
    """

    def __init__(self, publishers: Publishers, remembered: Remembered, ack_seconds: float) -> None:
        self._publishers = publishers
        self._remembered = remembered
        self._ack_seconds = ack_seconds

    async def record(self, source: Source, items: Sequence[Parsed]) -> list[Result]:
        """Record the events of a request; return what became of each, in their order.

        The events of one request enter the buffer in its order. All are on their way before the first is waited for.
        """
        begun = [self._begin(source, item) for item in items]
        taken = [each for each in begun if isinstance(each, _Taken)]
        if taken:
            await asyncio.wait([each.entry.accepted for each in taken])
            waiting = [receipt for each in taken if (receipt := self._receipt_of(source, each)) is not None]
            if waiting:
                await asyncio.wait(waiting, timeout=self._ack_seconds)
        return [self._end(source, each) if isinstance(each, _Taken) else each for each in begun]

    def _begin(self, source: Source, item: Parsed) -> _Taken | Refused:
        if isinstance(item, EventError):
            return refused(item)
        digest, is_named = digest_of(item), "event_id" in item
        event_id = item.setdefault("event_id", str(uuid7()))
        entry = self._remembered.find(source, event_id)
        if entry is None:
            accepted = asyncio.ensure_future(self._publishers.of(source).accept(**item))
            entry = Entry(digest, accepted)
            self._remembered.add(source, event_id, entry)
            return _Taken(event_id, entry, is_named, is_repeated=False)
        if entry.digest != digest:
            return Refused(409, "event_id", f"{event_id} is that of another event: give each event an id of its own")
        return _Taken(event_id, entry, is_named, is_repeated=True)

    def _receipt_of(self, source: Source, taken: _Taken) -> "asyncio.Future[Receipt] | None":
        """Return the future of an accepted event's receipt; forget an event that was refused."""
        entry = taken.entry
        if entry.accepted.exception() is not None:
            self._remembered.forget(source, taken.event_id)
            return None
        if entry.receipt is None:
            entry.receipt = asyncio.wrap_future(entry.accepted.result())
            entry.receipt.add_done_callback(_look)
        return entry.receipt

    def _end(self, source: Source, taken: _Taken) -> Result:
        entry, event_id = taken.entry, taken.event_id
        error = entry.accepted.exception()
        if isinstance(error, EventError):
            return refused(error)
        if isinstance(error, PublishError):
            return Unavailable(event_id, str(error))
        receipt = self._receipt_of(source, taken)
        assert receipt is not None
        if not receipt.done():
            if self._publishers.has_spools:
                return Spooled(event_id, taken.is_repeated)
            return Unavailable(event_id, f"the brokers did not acknowledge it within {self._ack_seconds} s")
        failure = receipt.exception()
        if failure is not None:
            self._remembered.forget(source, event_id)
            return Unavailable(event_id, str(failure))
        if not taken.is_named:  # its id was never sent to anybody
            self._remembered.forget(source, event_id)
        return Recorded(receipt.result(), taken.is_repeated)


def refused(error: EventError) -> Refused:
    """Return the result for an event that isn't one, or not one of this client."""
    return Refused(403 if isinstance(error, SourceClaimError) else 400, error.field, str(error))


def _look(receipt: "asyncio.Future[Receipt]") -> None:
    """Look at a failure that nobody waits for any more: asyncio would log it as forgotten."""
    receipt.exception()
