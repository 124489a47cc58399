"""WSGI middleware: one event a request, recorded before the first byte of its response is sent.

    app.wsgi_app = AuditMiddleware(app.wsgi_app, audit, HttpAudit(actor=lambda environ: environ.get("my.actor")))

It is plain WSGI (PEP 3333), for Flask, Django and others. It never reads a body.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from contextvars import Context
from typing import Any, TypeAlias

from auditseal_glue.context import begin_context, context_in
from auditseal_glue.http_event import FAILED, HttpAudit, HttpRequest, context_of, event_of
from auditseal_producer import AuditsealError, Recorder

Environ: TypeAlias = dict[str, Any]
StartResponse: TypeAlias = Callable[..., Callable[[bytes], object]]
App: TypeAlias = Callable[[Environ, StartResponse], Iterable[bytes]]


class AuditMiddleware:
    """Wraps a WSGI application.

    A request whose application fails before its response begins is recorded as status 500, one that ends without a
    response as an unknown outcome. Each request runs in a context of its own, and so does its response's body.

    Args:
        app: The application.
        recorder: Takes the events: an AuditProducer, or a RecordedEvents in tests.
        audit: What is recorded.
    """

    def __init__(self, app: App, recorder: Recorder, audit: HttpAudit | None = None) -> None:
        self._app = app
        self._recorder = recorder
        self._audit = audit or HttpAudit()
        self._names = {f"HTTP_{name.upper().replace('-', '_')}": name for name in self._audit.names}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request.

        Raises:
            AuditsealError: Its event can't be recorded, and `on_failure` isn't set.
        """
        if environ.get("PATH_INFO", "") in self._audit.skip:
            return self._app(environ, start_response)
        request = read_environ(environ, self._names)
        exchange = _Exchange(self._recorder, self._audit, request, environ, start_response)
        return exchange.begin(self._app)


class _Exchange:
    """One request and its response."""

    def __init__(
        self,
        recorder: Recorder,
        audit: HttpAudit,
        request: HttpRequest,
        environ: Environ,
        start_response: StartResponse,
    ) -> None:
        self._recorder = recorder
        self._audit = audit
        self._environ = environ
        self._start_response = start_response
        self._request = request
        self._status: int | None = None
        self._recorded = False
        self._context = begin_context(context_of(self._request))

    def begin(self, app: App) -> Iterable[bytes]:
        """Call the application, and return its body, whose first part is sent once the event is recorded."""
        try:
            body = self._context.run(app, self._environ, self._start)
        except BaseException as error:  # of the application, or of a worker that is ended: recorded, and raised
            self.fail(error)
            raise
        return _Body(self, body, self._context)

    def _start(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[[bytes], object]:
        self._status = _number(status)
        write = self._start_response(status, headers, exc_info) if exc_info else self._start_response(status, headers)

        def write_recorded(data: bytes) -> object:
            self.record()
            return write(data)

        return write_recorded

    def record(self) -> None:
        """Record the event with the status that the application stated last, once."""
        self._record(self._status)

    def fail(self, error: BaseException) -> None:
        """Record that the application failed, or that its worker was ended, unless the response has begun."""
        self._record(FAILED if isinstance(error, Exception) else None)

    def _record(self, status: int | None) -> None:
        if self._recorded:
            return
        self._recorded = True
        fields = event_of(self._audit, self._request, context_in(self._context), self._environ, status)
        try:
            self._recorder.record(**fields)
        except AuditsealError as error:
            if self._audit.on_failure is None:
                raise
            self._audit.on_failure(error, fields)


class _Body:
    """A response's body; PEP 3333 lets the server send the headers with its first part that isn't empty."""

    def __init__(self, exchange: _Exchange, body: Iterable[bytes], context: Context) -> None:
        self._exchange = exchange
        self._body = body
        self._context = context

    def __iter__(self) -> Iterator[bytes]:
        parts = self._context.run(iter, self._body)
        while True:
            try:
                part = self._context.run(next, parts, None)
            except BaseException as error:  # as in `_Exchange.begin`
                self._exchange.fail(error)
                raise
            if part is None:
                break
            if part:
                self._exchange.record()
            yield part
        self._exchange.record()

    def close(self) -> None:
        """Close the application's body, and record a request that ended before its response."""
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                self._context.run(close)
        finally:
            self._exchange.record()


def _number(status: str) -> int | None:
    """Return the number of a status line, None where it has none: then the outcome is not known."""
    digits = status[:3]
    return int(digits) if len(digits) == 3 and digits.isascii() and digits.isdecimal() else None


def read_environ(environ: Environ, names: Mapping[str, str]) -> HttpRequest:
    """Return what a WSGI environment says of its request, with the headers that have one of the names."""
    headers = {name: environ[variable] for variable, name in names.items() if variable in environ}
    path = environ.get("SCRIPT_NAME", "") + environ.get("PATH_INFO", "")
    if not path.isascii():  # PEP 3333, Unicode Issues: its bytes, as if they were ISO-8859-1
        with suppress(UnicodeEncodeError):  # a server that has decoded it already
            path = path.encode("latin-1").decode("utf-8", "replace")
    return HttpRequest(
        method=environ.get("REQUEST_METHOD", "GET"),
        path=path,
        query=environ.get("QUERY_STRING", ""),
        client=environ.get("REMOTE_ADDR"),
        headers=headers,
    )
