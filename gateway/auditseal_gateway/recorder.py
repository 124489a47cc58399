"""Records the events of a request, each once, and waits until the brokers have them, for a bounded time."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from uuid_utils import uuid7

from auditseal_gateway.errors import SourceClaimError
from auditseal_gateway.events_json import Parsed
from auditseal_gateway.publishers import Publishers
from auditseal_gateway.remembered import Entry, Remembered, digest_of
from auditseal_gateway.results import Recorded, Refused, Result, Spooled, Unavailable
from auditseal_producer import PublishError, Receipt
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import EventFields
from auditseal_schemas.event_parts import Source

_TURN = 32  # events of a request, after which others have their turn: about a millisecond


class _Taken(NamedTuple):
    """An event on its way. `is_repeated`: an earlier request had brought it."""

    item: EventFields
    entry: Entry
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
        begun: list[_Taken | Result] = []
        for number, item in enumerate(items, start=1):
            begun.append(self._begin(source, item))
            if number % _TURN == 0:
                await asyncio.sleep(0)
        taken = [each for each in begun if isinstance(each, _Taken)]
        waiting = [each.entry.receipt for each in taken if not each.entry.receipt.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=self._ack_seconds)
        if self._publishers.has_spools:
            await self._await_disk(source, taken)
        return [self._end(source, each) if isinstance(each, _Taken) else each for each in begun]

    def _begin(self, source: Source, item: Parsed) -> _Taken | Result:
        if isinstance(item, EventError):
            return refused(item)
        event_id, digest = item.get("event_id"), b""
        if isinstance(event_id, str):  # anything else is refused below
            digest, entry = digest_of(item), self._remembered.find(source, event_id)
            if entry is not None and entry.digest != digest:
                problem = f"{event_id} is that of another event: give each event an id of its own"
                return Refused(409, "event_id", problem)
            if entry is not None:
                return _Taken(item, entry, is_repeated=True)
        producer = self._publishers.of(source)
        try:
            handle = producer.offer(**item)
        except EventError as error:
            return refused(error)
        except PublishError as error:
            return Unavailable(event_id or str(uuid7()), str(error))
        receipt = producer.receipt_of(handle)
        receipt.add_done_callback(_look)
        entry = Entry(handle.event_id, digest, receipt, handle)
        if digest:
            self._remembered.add(source, entry)
        return _Taken(item, entry, is_repeated=False)

    async def _await_disk(self, source: Source, taken: Sequence[_Taken]) -> None:
        producer = self._publishers.of(source)
        for each in taken:
            if each.entry.handle is not None:
                with suppress(EventError, PublishError):  # in which the receipt's future ends as well
                    await producer.accepted(each.entry.handle)

    def _end(self, source: Source, taken: _Taken) -> Result:
        entry, receipt, event_id = taken.entry, taken.entry.receipt, taken.entry.event_id
        if receipt.done():
            failure = receipt.exception()
            if failure is None:
                return Recorded(receipt.result(), taken.is_repeated)
            return refused(failure) if isinstance(failure, EventError) else Unavailable(event_id, str(failure))
        if not entry.digest:  # the answer names its id, and so may a retry
            entry.digest = digest_of(taken.item)
            self._remembered.add(source, entry)
        if self._publishers.has_spools:
            return Spooled(event_id, taken.is_repeated)
        return Unavailable(event_id, f"the brokers did not acknowledge it within {self._ack_seconds} s")


def refused(error: EventError) -> Refused:
    """Return the result for an event that isn't one, or not one of this client."""
    return Refused(403 if isinstance(error, SourceClaimError) else 400, error.field, str(error))


def _look(receipt: "asyncio.Future[Receipt]") -> None:
    """Look at a failure that nobody waits for any more: asyncio would log it as forgotten."""
    receipt.exception()
