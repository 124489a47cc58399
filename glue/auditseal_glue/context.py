"""What is known of the running request or job: who acts, and which request and trace it belongs to.

    with audit_context(actor=Actor("user", "u-1842"), correlation_id="transfer-31"):
        audit.record(action="approve", resources=[Resource("invoice", "7")], outcome=Outcome.SUCCESS)

`audit` is a ContextRecorder there. The context is a context variable: each thread and each asyncio task has its own. A
task begins with the context of the code that made it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, Token, copy_context
from dataclasses import dataclass, fields, replace
from typing import Any

from auditseal_producer import Actor, AsyncRecorder, ConfigurationError, PendingReceipt, Receipt, Recorder


@dataclass(frozen=True, slots=True)
class AuditContext:
    """Fields that every event gets which doesn't state them itself; None where nothing is known."""

    actor: Actor | None = None
    tenant: str | None = None
    correlation_id: str | None = None
    trace_id: str | None = None
    span_id: str | None = None


_NAMES = tuple(field.name for field in fields(AuditContext))
NOTHING_KNOWN = AuditContext()
_current: ContextVar[AuditContext] = ContextVar("auditseal_context", default=NOTHING_KNOWN)


def current_context() -> AuditContext:
    """Return the context of this thread or task."""
    return _current.get()


@contextmanager
def audit_context(**known: Any) -> Iterator[AuditContext]:
    """Set fields of AuditContext within the block; those that aren't given stay as they are outside.

    Raises:
        TypeError: A name isn't one of AuditContext.
        ConfigurationError: The block ends in another context than it began in, as in a generator that is resumed by
            another thread.
    """
    token = _current.set(replace(_current.get(), **known))
    try:
        yield _current.get()
    finally:
        _end_block(token)


def enter_request(known: AuditContext) -> Token[AuditContext]:
    """Set what is known of a request, and nothing else; `leave_request` takes it back.

    What is set outside may be of an earlier request of the same connection: asyncio runs the callbacks of a transport
    in the context of the code that resumed it (https://github.com/python/cpython/issues/140947).
    """
    return _current.set(known)


def leave_request(token: Token[AuditContext]) -> None:
    """Set the context back to what it was before `enter_request`."""
    _current.reset(token)


def begin_context(context: AuditContext) -> Context:
    """Return a copy of the running `contextvars.Context` that has this context: for a request that runs in its own."""
    copy = copy_context()
    copy.run(_current.set, context)
    return copy


def context_in(variables: Context) -> AuditContext:
    """Return the context of a `contextvars.Context`, also while that runs."""
    return variables.get(_current, NOTHING_KNOWN)


def with_context(given: dict[str, Any]) -> dict[str, Any]:
    """Return an event's fields, and those of the context that it doesn't state."""
    context = _current.get()
    return {name: value for name in _NAMES if (value := getattr(context, name)) is not None} | given


def _end_block(token: Token[AuditContext]) -> None:
    try:
        _current.reset(token)
    except ValueError:
        raise ConfigurationError(
            "a block of audit_context ended in another thread or task than it began in, so that events after a yield"
            " in it may have no actor: enter it where the events are recorded, and make a dependency of FastAPI async"
        ) from None


class ContextRecorder:
    """A Recorder that adds the context to each event."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def record(self, **fields: Any) -> PendingReceipt:
        """Record one event; `actor` may be left out where the context has one.

        Raises:
            AuditsealError: As the recorder.
        """
        return self._recorder.record(**with_context(fields))


class AsyncContextRecorder:
    """An AsyncRecorder that adds the context to each event."""

    def __init__(self, recorder: AsyncRecorder) -> None:
        self._recorder = recorder

    async def record(self, **fields: Any) -> Receipt:
        """Record one event, and wait for its receipt.

        Raises:
            AuditsealError: As the recorder.
        """
        return await self._recorder.record(**with_context(fields))

    async def accept(self, **fields: Any) -> PendingReceipt:
        """Record one event, and wait until it is accepted.

        Raises:
            AuditsealError: As the recorder.
        """
        return await self._recorder.accept(**with_context(fields))
