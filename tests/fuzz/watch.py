"""The rules for every input: a documented refusal in words fit for a terminal, in bounded time and memory."""

import ctypes
import gc
import re
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path
from time import process_time
from typing import Any

from tests.fuzz.target import Target

MOST_SECONDS = 2.0
MOST_GROWTH_KIB = 64 * 1024
MOST_WORDS = 1000
_WARM_UP = 2_000
_LOOK_EVERY = 64
_PROC = Path("/proc/self")


class BrokenPromiseError(Exception):
    """An input broke what the parsers promise; the message says which promise."""


@dataclass
class Numbers:
    """What a run saw.

    Attributes:
        executions: Inputs tried.
        accepted: How many of them were parsed.
        slowest_seconds: The longest that one took, in seconds of CPU: a busy machine is not a parser's fault.
        slowest_bytes: The length of that one.
        baseline_kib: Resident memory after the warm-up.
        peak_kib: The most resident memory since then, by the kernel's own high-water mark; None before the first look.
    """

    executions: int = 0
    accepted: int = 0
    slowest_seconds: float = 0.0
    slowest_bytes: int = 0
    baseline_kib: int | None = None
    peak_kib: int | None = None

    @property
    def growth_kib(self) -> int:
        """How far memory rose above the baseline."""
        return max(0, (self.peak_kib or 0) - (self.baseline_kib or 0))

    def to_json(self) -> dict[str, Any]:
        """Return the numbers as what `json.dumps` takes."""
        return asdict(self) | {"growth_kib": self.growth_kib}


class Watch:
    """Tries inputs on one target and holds them to the promises.

    Attributes:
        numbers: The observations so far.
        recent: The inputs since memory was last looked at: one of them is the cause if it rose.
    """

    def __init__(self, target: Target) -> None:
        self.numbers = Numbers()
        self.recent: deque[bytes] = deque(maxlen=_LOOK_EVERY)
        self._target = target

    def try_one(self, data: bytes) -> None:
        """Try one input.

        Raises:
            BrokenPromiseError: It took too long, too much memory, or was refused in words unfit for a terminal.
            Exception: Whatever else the parser raised, undocumented.
        """
        numbers, target = self.numbers, self._target
        self.recent.append(data)
        begin = process_time()
        words = None
        try:
            target.read(data)
        except target.refusals as error:
            words = str(error)
        taken = process_time() - begin
        numbers.executions += 1
        if words is None:
            numbers.accepted += 1
        else:
            check_words(words)
        if taken > numbers.slowest_seconds:
            numbers.slowest_seconds, numbers.slowest_bytes = taken, len(data)
            if taken > MOST_SECONDS:
                raise BrokenPromiseError(f"{len(data)} bytes took {taken:.1f} s of CPU; {MOST_SECONDS} s are allowed")
        if numbers.executions % _LOOK_EVERY == 0:
            self._look_at_memory()

    def _look_at_memory(self) -> None:
        numbers = self.numbers
        if numbers.baseline_kib is None:
            if numbers.executions >= _WARM_UP:
                numbers.baseline_kib = reset_peak_kib()
            return
        numbers.peak_kib = peak_kib()
        if numbers.growth_kib > MOST_GROWTH_KIB:
            raise BrokenPromiseError(
                f"resident memory rose by {numbers.growth_kib} KiB over {numbers.baseline_kib};"
                f" {MOST_GROWTH_KIB} are allowed, and one of the last {_LOOK_EVERY} inputs took them"
            )


def check_words(words: str, most: int = MOST_WORDS) -> None:
    """Check that a text can be shown anywhere: no control characters, marks of direction, line separators.

    Raises:
        BrokenPromiseError: It can't, or is longer than `most` characters, or empty.
    """
    if not words.isprintable():
        raise BrokenPromiseError(f"an error's text has unprintable characters: {words[:2000]!a}")
    if not 0 < len(words) <= most:
        raise BrokenPromiseError(f"an error's text has {len(words)} characters: {words[:200]!a}")


def reset_peak_kib() -> int:
    """Let the high-water mark of this process's resident memory fall to what is resident now, and return that.

    Linux alone has such a mark that can be lowered, and only glibc gives back what it holds in reserve.
    """
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    (_PROC / "clear_refs").write_text("5")
    return _status_kib("VmRSS")


def peak_kib() -> int:
    """Return the most memory that was resident since `reset_peak_kib`."""
    return _status_kib("VmHWM")


def _status_kib(field: str) -> int:
    match = re.search(rf"^{field}:\s+(\d+) kB$", (_PROC / "status").read_text(), re.MULTILINE)
    if match is None:
        raise RuntimeError(f"the kernel doesn't tell {field}")
    return int(match[1])
