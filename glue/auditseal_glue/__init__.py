"""Audit events from frameworks: middleware, logging, decorators, and the context of the running request.

It needs nothing but the SDK, and no framework: docs/how-to/frameworks.md.

| module | what it holds |
| --- | --- |
| `asgi` | middleware for ASGI: FastAPI, Starlette, Django |
| `wsgi` | middleware for WSGI: Flask, Django |
| `http_event` | the event of an HTTP request |
| `masking` | secrets in what a request carries |
| `trace_context` | the W3C trace context of a request |
| `context` | who acts, and which request and trace an event belongs to |
| `actions` | one event for a block of code or a function |
| `log_handler` | events from Python's logging |
| `own_events` | the events of auditseal's own people and daemons |
"""

from auditseal_glue.actions import AsyncAuditedAction, AuditedAction, audited
from auditseal_glue.context import (
    AsyncContextRecorder,
    AuditContext,
    ContextRecorder,
    audit_context,
    current_context,
)
from auditseal_glue.http_event import HttpAudit
from auditseal_glue.log_handler import AuditHandler

__all__ = [
    "AsyncAuditedAction",
    "AsyncContextRecorder",
    "AuditContext",
    "AuditHandler",
    "AuditedAction",
    "ContextRecorder",
    "HttpAudit",
    "audit_context",
    "audited",
    "current_context",
]
