"""A Dask scheduler and two workers as processes of this machine."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from auditseal_local.ports import LOOPBACK, free_ports


@dataclass(frozen=True, slots=True)
class DaskCluster:
    """A cluster that runs.

    Attributes:
        address: The scheduler's.
        workers: The workers' processes, which nothing starts again.
    """

    address: str
    workers: tuple["subprocess.Popen[bytes]", ...]


@contextmanager
def dask_cluster() -> Iterator[DaskCluster]:
    """Run a scheduler and two workers of one thread each."""
    (port,) = free_ports(1)
    address = f"tcp://{LOOPBACK}:{port}"
    scheduler = ["dask_scheduler", "--host", LOOPBACK, "--port", str(port), "--no-dashboard", "--no-show"]
    worker = ["dask_worker", address, "--host", LOOPBACK, "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    with ExitStack() as stack:
        _, *workers = [stack.enter_context(_process(words)) for words in (scheduler, worker, worker)]
        yield DaskCluster(address, tuple(workers))


@contextmanager
def _process(words: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:]]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()
