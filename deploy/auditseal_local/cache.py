"""Where downloaded and built things are kept between runs, and how two processes keep out of each other's way."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs


def cache_dir() -> Path:
    """Return this user's cache directory for auditseal (`XDG_CACHE_HOME` moves it), made where it is missing."""
    return platformdirs.user_cache_path("auditseal", appauthor=False, ensure_exists=True)


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold the lock file `path`, waiting for whoever has it; the kernel frees it when its holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
