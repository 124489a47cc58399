"""How the ends of processes that Python or a library announces reach a producer.

| the process ends | announced by |
| --- | --- |
| by its last line, `sys.exit`, an exception | `atexit` |
| as a child of `multiprocessing` (Process, Pool, ProcessPoolExecutor) | `multiprocessing.util.Finalize` |
| as a `Process` of billiard | `billiard.util.Finalize` |
| as a child of Celery's prefork pool | `celery.signals.worker_process_shutdown` |

Those children end by `os._exit`, which skips `atexit`. All other ends announce nothing: docs/how-to/publish.md has the
table.

What a signal's handler or another's finalizer raises ends the finalizers of `multiprocessing` before ours had its turn,
as at the end of a pool that is terminated. Its children then still wait for their threads that aren't daemons.
"""

import atexit
import os
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

_LAST = -1_000_000  # after the finalizers of others, which may record events


class _MainThreadEnd:
    """Calls functions once the main thread of this process has ended, in one thread that waits for it."""

    def __init__(self) -> None:
        self._process = 0
        self._callbacks: set[Callable[[], None]] = set()

    def add(self, callback: Callable[[], None]) -> None:
        """Call a function then."""
        if self._process != os.getpid():
            self._process, self._callbacks = os.getpid(), set()
            with suppress(RuntimeError):  # there are too many threads: the other announcements remain
                threading.Thread(target=self._wait, name="auditseal-producer-end", daemon=False).start()
        self._callbacks.add(callback)

    def discard(self, callback: Callable[[], None]) -> None:
        """Don't call it."""
        self._callbacks.discard(callback)

    def _wait(self) -> None:
        threading.main_thread().join()
        with ExitStack() as ends:  # which calls all of them, also after one that raises
            for callback in list(self._callbacks):
                ends.callback(callback)


_main_thread_end = _MainThreadEnd()


def call_at_end(callback: Callable[[], None], name: str) -> Callable[[], None]:
    """Call a function when this process ends, by any way that announces it; by some ways twice.

    To be called in the process that will end: `multiprocessing` forgets in a child what its parent asked for.

    Args:
        callback: What to call.
        name: Tells it from others; asked for once more under its name, it is called once.

    Returns:
        A function that calls it off.
    """
    calls_off: list[Callable[[], object]] = [partial(atexit.unregister, callback)]

    def call_off() -> None:
        for each in calls_off:
            each()

    atexit.unregister(callback)
    atexit.register(callback)
    # A process that was forked by one of these has loaded its module.
    for module in ("multiprocessing.util", "billiard.util"):
        library = sys.modules.get(module)
        if library is not None:
            announce = partial(_announce, library, callback, calls_off, os.getpid())
            announce()
            # A child of forkserver imports the main module first, and forgets what that asked for.
            library.register_after_fork(call_off, lambda _, announce=announce: announce())
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        signal = signals.worker_process_shutdown
        signal.connect(lambda **_: callback(), weak=False, dispatch_uid=name)
        calls_off.append(partial(signal.disconnect, dispatch_uid=name))

    return call_off


def _announce(library: Any, callback: Callable[[], None], calls_off: list[Callable[[], object]], process: int) -> None:
    """Have a library call a function at the end of this process, and in a child after its main thread, too."""
    if os.getpid() != process:
        return
    calls_off.append(library.Finalize(None, callback, exitpriority=_LAST).cancel)
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        _main_thread_end.add(callback)
        calls_off.append(partial(_main_thread_end.discard, callback))
