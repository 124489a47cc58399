"""The end of a process whose work is done, without the interpreter's own end."""

import logging
import os
import sys
from contextlib import suppress
from typing import NoReturn


def end_process(code: int) -> NoReturn:
    """End this process with an exit code at once, after its body has closed what it opened.

    The interpreter's own end would free its memory, object by object: 0.3 s of CPU, which took up to 47 s on a busy
    machine, and there no watchdog runs any more.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader is gone, or it is closed
            stream.flush()
    os._exit(code)
