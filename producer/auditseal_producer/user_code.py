"""Code of the service's own, called by the producer's thread: whatever it raises, the thread continues."""

import logging
from collections.abc import Callable
from contextlib import suppress


def call_safely(log: logging.Logger, what: str, callback: Callable[..., object], *args: object) -> None:
    """Call a callback of the service; log what it raises, `SystemExit` and `KeyboardInterrupt` included."""
    try:
        callback(*args)
    except BaseException:  # it would end the thread that all receipts come from
        log_safely(log, logging.ERROR, "%s raised an error, which is ignored: %r", what, callback, exc_info=True)


def log_safely(log: logging.Logger, level: int, form: str, *args: object, exc_info: bool = False) -> None:
    """Log a line; a filter or a handler of the service that raises is ignored, since there is nowhere to log it."""
    with suppress(BaseException):
        log.log(level, form, *args, exc_info=exc_info)
