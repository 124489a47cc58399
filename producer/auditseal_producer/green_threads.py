"""Green threads: a producer needs real ones, and refuses to work where a library has replaced them."""

import sys
import threading

from auditseal_schemas.errors import ConfigurationError

_get_ident = threading.get_ident


def refuse_green_threads() -> None:
    """Check that threads are the operating system's.

    The thread that serves librdkafka waits in C, where it would stop every green thread of the process.

    Raises:
        ConfigurationError: gevent or eventlet has replaced them.
    """
    gevent, eventlet = sys.modules.get("gevent.monkey"), sys.modules.get("eventlet.patcher")
    if gevent is not None and (gevent.is_module_patched("threading") or gevent.is_module_patched("thread")):
        _refuse("gevent (monkey.patch_all)", "monkey.patch_all(thread=False)")
    if eventlet is not None and eventlet.is_monkey_patched("thread"):
        _refuse("eventlet (monkey_patch)", "monkey_patch(thread=False)")


def were_replaced() -> bool:
    """Return whether threads were replaced after this module was imported. It is cheap enough for each event."""
    return threading.get_ident is not _get_ident


def _refuse(library: str, instead: str) -> None:
    raise ConfigurationError(
        f"{library} has replaced Python's threads by green ones, and a producer needs real threads: call"
        f" {instead}, or use a worker with threads or processes (gunicorn: gthread, Celery: prefork or threads)"
    )
