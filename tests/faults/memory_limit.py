"""A memory cgroup of its own for a daemon. It needs root; version 1 and 2 of Linux's control groups."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_V1, _V2 = ("memory.limit_in_bytes", "memory.max_usage_in_bytes"), ("memory.max", "memory.peak")


@dataclass(frozen=True)
class MemoryLimit:
    """A cgroup whose processes have at most so much memory; the kernel kills what needs more.

    Attributes:
        processes: The file to which a process writes its pid to join.
        peak_file: The file with the most bytes that were in use.
    """

    processes: Path
    peak_file: Path

    @property
    def peak(self) -> int:
        return int(self.peak_file.read_text())


@contextmanager
def memory_limit(size: int) -> Iterator[MemoryLimit]:
    """Make a cgroup for processes that join within, and remove it once they ended.

    Raises:
        AssertionError: This process may make none.
    """
    parent, (limit, peak) = (_ROOT / "memory", _V1) if (_ROOT / "memory").is_dir() else (_ROOT, _V2)
    group = parent / f"auditseal-faults-{os.getpid()}"
    try:
        group.mkdir()
        (group / limit).write_text(str(size))
    except OSError as error:
        raise AssertionError(f"a memory cgroup can't be made, which needs root: {error}") from error
    try:
        yield MemoryLimit(group / "cgroup.procs", group / peak)
    finally:
        group.rmdir()
