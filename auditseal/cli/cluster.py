"""Where the work of `verify` and `index build` runs: the processes of this machine, or a Dask cluster."""

import os
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor
from contextlib import contextmanager
from importlib.metadata import version
from typing import Annotated, Any

import typer

from auditseal_schemas.errors import ConfigurationError, UnavailableError

Jobs = Annotated[int | None, typer.Option(min=1, max=256, help="Processes. [default: one for each CPU]")]
Dask = Annotated[
    str | None, typer.Option("--dask", help="Run on this Dask cluster, such as tcp://scheduler:8786, instead.")
]
_CONNECT_SECONDS = 10


@contextmanager
def workers(jobs: int | None, dask: str | None) -> Iterator[tuple[int, Executor | None]]:
    """Yield how many tasks run at once, and the cluster that runs them; None for processes of this machine.

    Raises:
        ConfigurationError: The library isn't installed, or a worker has another version of auditseal.
        UnavailableError: The cluster can't be reached, has no worker, or was lost.
    """
    if dask is None:
        yield jobs or os.cpu_count() or 1, None
        return
    if jobs is not None:
        raise ConfigurationError("--jobs is for this machine, and --dask for a cluster: leave one of them out")
    try:
        from distributed import Client, KilledWorker  # noqa: PLC0415  (an extra, and it takes half a second)
        from distributed.comm.core import CommClosedError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError('--dask needs the extra "cluster": pip install "auditseal[cluster]"') from error
    try:
        client = Client(dask, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        raise UnavailableError(f"the Dask cluster {dask} can't be reached: {error}") from error
    with client:
        try:
            yield _threads(client, dask), client.get_executor()
        except KilledWorker as error:
            problem = f"workers of the Dask cluster {dask} died again and again at the same blocks (out of memory?)"
            raise UnavailableError(problem) from error
        except (CommClosedError, CancelledError) as error:
            raise UnavailableError(f"the Dask cluster {dask} was lost: {error}") from error


def _threads(client: Any, dask: str) -> int:
    """Return how many threads the workers have, which must have this version of auditseal."""
    for worker, found in client.run(version, "auditseal", on_error="return").items():
        if found != version("auditseal"):
            raise ConfigurationError(
                f"the Dask worker {worker} has auditseal {found}, and this is {version('auditseal')}"
            )
    threads: int = sum(client.nthreads().values())
    if not threads:
        raise UnavailableError(f"the Dask cluster {dask} has no worker")
    return threads
