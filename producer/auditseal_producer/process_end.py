"""How the ends of processes that Python or a library announces reach a producer.

| the process ends | announced by |
| --- | --- |
| by its last line, `sys.exit`, an exception | `atexit` |
| as a child of `multiprocessing` (Process, Pool, ProcessPoolExecutor) | `multiprocessing.util.Finalize` |
| as a `Process` of billiard | `billiard.util.Finalize` |
| as a child of Celery's prefork pool | `celery.signals.worker_process_shutdown` |

Those children end by `os._exit`, which skips `atexit`. All other ends announce nothing: docs/how-to/publish.md has the
table.
"""

import atexit
import sys
from collections.abc import Callable
from functools import partial

_LAST = -1_000_000  # after the finalizers of others, which may record events


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
            finalize = partial(library.Finalize, None, callback, exitpriority=_LAST)
            calls_off.append(finalize().cancel)
            # A child of forkserver imports the main module first, and forgets what that asked for.
            library.register_after_fork(call_off, lambda _, finalize=finalize: calls_off.append(finalize().cancel))
    signals = sys.modules.get("celery.signals")
    if signals is not None:
        signal = signals.worker_process_shutdown
        signal.connect(lambda **_: callback(), weak=False, dispatch_uid=name)
        calls_off.append(partial(signal.disconnect, dispatch_uid=name))

    return call_off
