"""Run a command that must not outlive the process that asked for it: `python guard.py PARENT_PID COMMAND...`.

The guard leads a process group with the command in it. It asks once in a while whether its parent is still the one
that started it; when that one is gone, even by `kill -9`, it kills the whole group. Why not `PR_SET_PDEATHSIG` alone:
that signal comes when the *thread* that forked ends, so a service started from a worker thread would die with the
thread. Here it only covers the guard's own death (the guard has a single thread), and only Linux has it. Why not a
pipe: a forked sibling would hold it open. A signal to the group reaches the command directly; the guard survives all
but SIGKILL, waits, and exits with the command's code. Nothing but the standard library, to start quickly.
"""

import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
POLL_SECONDS = 0.25


def die_with(guard: int) -> None:
    """Between fork and exec: have the kernel kill this process when `guard` dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != guard:  # it died before the line above took effect
        os._exit(1)


def main(parent: int, command: list[str]) -> int:
    """Run `command` as long as `parent` lives; return its exit code (128 + n when signal n ended it)."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: None)  # a handler, since exec would hand SIG_IGN down to the command
    guard = os.getpid()
    child = subprocess.Popen(command, preexec_fn=lambda: die_with(guard))  # noqa: PLW1509, S603  (one thread)
    while True:
        try:
            code = child.wait(POLL_SECONDS)
        except subprocess.TimeoutExpired:
            if os.getppid() != parent:
                os.killpg(0, signal.SIGKILL)
        else:
            return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
