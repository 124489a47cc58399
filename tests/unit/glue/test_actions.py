"""One event for a block or a call, whichever way it ends."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from auditseal_glue import AsyncAuditedAction, AuditedAction, audit_context, audited
from auditseal_producer import Actor, BufferFullError, Change, ConfigurationError, EventError, Outcome, Reason, Resource
from auditseal_producer.testing import AsyncRecordedEvents, RecordedEvents

FIELDS: dict[str, Any] = {"actor": Actor("user", "u"), "action": "approve", "resources": [Resource("invoice", "7")]}


def test_a_block_that_ends_is_a_success_with_what_it_added() -> None:
    audit = RecordedEvents()
    with AuditedAction(audit, **FIELDS) as event:
        assert audit.events == []
        event["changes"] = [Change("status", "open", "approved")]
    found = audit.only_event()
    assert (found.outcome, found.reason) == (Outcome.SUCCESS, None)
    assert found.changes == (Change("status", "open", "approved"),)


def test_a_block_may_say_its_outcome() -> None:
    audit = RecordedEvents()
    with AuditedAction(audit, **FIELDS) as event:
        event["outcome"] = Outcome.DENIED
    assert audit.only_event().outcome == Outcome.DENIED


@pytest.mark.parametrize(
    ("error", "outcome"),
    [(ValueError("text"), "FAILURE"), (PermissionError("text"), "DENIED"), (KeyboardInterrupt(), "UNKNOWN")],
)
def test_an_error_is_the_outcome_and_goes_on(error: BaseException, outcome: str) -> None:
    audit = RecordedEvents()
    with pytest.raises(type(error)), AuditedAction(audit, **FIELDS):
        raise error
    found = audit.only_event()
    assert (found.outcome, found.reason) == (Outcome(outcome), Reason(code=type(error).__name__))


def test_an_event_that_cannot_be_recorded_is_an_error_or_a_note_on_the_one_that_came_first() -> None:
    audit = RecordedEvents()
    with audit.buffer_full():
        with pytest.raises(BufferFullError), AuditedAction(audit, **FIELDS):
            pass
        with pytest.raises(LookupError) as info, AuditedAction(audit, **FIELDS):
            raise LookupError
    assert info.value.__notes__ == [
        "its audit event isn't recorded: no room for another event: the test made the buffer full"
    ]


def test_a_function_and_its_arguments() -> None:
    audit = RecordedEvents()

    @audited(audit, action="delete", resources=lambda invoice, **_: [Resource("invoice", invoice)], tenant="acme")
    def delete(invoice: str, *, soft: bool = False) -> str:
        """Delete."""
        return f"{invoice} {soft}"

    with audit_context(actor=Actor("user", "u-1")):
        assert delete("7", soft=True) == "7 True"
    found = audit.only_event()
    assert (found.action, found.resources, found.tenant) == ("delete", (Resource("invoice", "7"),), "acme")
    assert found.actor == Actor("user", "u-1")
    assert (delete.__name__, delete.__doc__) == ("delete", "Delete.")


def test_an_actor_that_nobody_states_is_an_error() -> None:
    with (
        pytest.raises(EventError, match="actor is missing"),
        AuditedAction(RecordedEvents(), action="a", resources=[Resource("r", "1")]),
    ):
        pass


def test_coroutines() -> None:
    audit = AsyncRecordedEvents()

    @audited(audit, action="read", resources=[Resource("r", "1")], actor=Actor("user", "u"))
    async def read() -> int:
        await asyncio.sleep(0)
        return 7

    @audited(audit, action="wait", resources=[Resource("r", "1")], actor=Actor("user", "u"))
    async def wait() -> None:
        await asyncio.Event().wait()

    async def main() -> None:
        assert await read() == 7
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with audit.buffer_full():
            with pytest.raises(BufferFullError):
                async with AsyncAuditedAction(audit, **FIELDS):
                    pass
            with pytest.raises(LookupError):
                async with AsyncAuditedAction(audit, **FIELDS):
                    raise LookupError

    asyncio.run(main())
    assert [(event.action, event.outcome) for event in audit.events] == [
        ("read", Outcome.SUCCESS),
        ("wait", Outcome.UNKNOWN),
    ]


def test_a_generator_is_refused_since_its_call_does_nothing_yet() -> None:
    def lines() -> Iterator[str]:
        yield "a"

    async def rows() -> AsyncIterator[str]:
        yield "a"

    for function in (lines, rows):
        with pytest.raises(ConfigurationError, match="is a generator"):
            audited(RecordedEvents(), action="read", resources=[Resource("file", "f")])(function)
