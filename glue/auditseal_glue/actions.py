"""One event for a block of code or a function, recorded when it ends, whichever way that is.

    with AuditedAction(audit, action="approve", resources=[Resource("invoice", "7")]) as event:
        event["changes"] = [Change("status", "open", "approved")]

    @audited(audit, action="invoice.delete", resources=lambda invoice: [Resource("invoice", invoice)])
    def delete(invoice: str) -> None: ...

An error that leaves the block makes the outcome FAILURE, a PermissionError DENIED, and another end of the task or
process, such as a cancellation, UNKNOWN. The error's type is the event's reason, and never its text, which may hold
anything. The context of `audit_context` is added.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast

from auditseal_glue.context import with_context
from auditseal_producer import AsyncRecorder, AuditsealError, ConfigurationError, Outcome, Reason, Recorder, Resource

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


class AuditedAction:
    """Records one event at the end of a `with` block; the block may add fields, also an `outcome`.

    Where the event can't be recorded, the block's end raises the AuditsealError. If an error of the block is on its
    way already, that error is raised, with a note.
    """

    def __init__(self, recorder: Recorder, **fields: Any) -> None:
        self._recorder = recorder
        self._fields = fields

    def __enter__(self) -> dict[str, Any]:
        return self._fields

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._recorder.record(**with_context(_ended(self._fields, error)))
        except AuditsealError as unrecorded:
            _raise_or_note(unrecorded, error)


class AsyncAuditedAction:
    """As AuditedAction, for `async with`."""

    def __init__(self, recorder: AsyncRecorder, **fields: Any) -> None:
        self._recorder = recorder
        self._fields = fields

    async def __aenter__(self) -> dict[str, Any]:
        return self._fields

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._recorder.accept(**with_context(_ended(self._fields, error)))
        except AuditsealError as unrecorded:
            _raise_or_note(unrecorded, error)


def audited(
    recorder: Recorder | AsyncRecorder,
    *,
    action: str,
    resources: Callable[..., Sequence[Resource]] | Sequence[Resource],
    **fields: Any,
) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Record one event for each call of a function; a coroutine function needs an AsyncRecorder.

    Args:
        recorder: Takes the events.
        action: The event's action.
        resources: The event's resources, or a function that returns them from the call's arguments.
        fields: More fields of the event.

    Raises:
        ConfigurationError: The function is a generator: a call of it does nothing yet.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            name = getattr(function, "__name__", "the function")
            raise ConfigurationError(
                f"@audited: {name} is a generator, so a call does nothing yet: use AuditedAction in it"
            )

        def fields_of(*args: Any, **named: Any) -> dict[str, Any]:
            found = resources(*args, **named) if callable(resources) else resources
            return {"action": action, "resources": found, **fields}

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def call_async(*args: Parameters.args, **named: Parameters.kwargs) -> Any:
                async with AsyncAuditedAction(cast("AsyncRecorder", recorder), **fields_of(*args, **named)):
                    return await function(*args, **named)

            return cast("Callable[Parameters, Result]", call_async)

        @functools.wraps(function)
        def call(*args: Parameters.args, **named: Parameters.kwargs) -> Result:
            with AuditedAction(cast("Recorder", recorder), **fields_of(*args, **named)):
                return function(*args, **named)

        return call

    return decorate


def _ended(fields: dict[str, Any], error: BaseException | None) -> dict[str, Any]:
    """Return an event's fields with the outcome of its block, unless the block has said another one."""
    if error is None:
        return {"outcome": Outcome.SUCCESS, **fields}
    outcome = Outcome.UNKNOWN
    if isinstance(error, Exception):
        outcome = Outcome.DENIED if isinstance(error, PermissionError) else Outcome.FAILURE
    return {"reason": Reason(code=type(error).__name__), **fields, "outcome": outcome}


def _raise_or_note(unrecorded: AuditsealError, error: BaseException | None) -> None:
    if error is None:
        raise unrecorded
    error.add_note(f"its audit event isn't recorded: {unrecorded}")
