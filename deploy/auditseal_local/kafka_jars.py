"""Kafka's jars: fetched once, and compared with the lock at each use.

Fetching follows the lock: it reads no POM, and no mirror can change a byte.
"""

from collections.abc import Sequence
from pathlib import Path

from auditseal_local.cache import cache_dir, exclusive
from auditseal_local.errors import LocalStackError
from auditseal_local.locked_jars import KAFKA, Jar, lock_tag, locked_jars
from auditseal_local.progress import Progress


def class_path(progress: Progress) -> list[Path]:
    """Return the paths of Kafka's jars, fetched on first use and compared with the lock at each use.

    Raises:
        LocalStackError: A jar can't be fetched, or is not the one of the lock.
    """
    return cached_jars(locked_jars(), cache_dir() / f"{KAFKA.replace(':', '-')}-{lock_tag()}", progress)


def cached_jars(jars: Sequence[Jar], folder: Path, progress: Progress) -> list[Path]:
    """Return the paths of the jars of a lock in their folder, in the same way.

    Raises:
        LocalStackError: A jar can't be fetched, or is not the one of the lock.
    """
    with exclusive(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            from auditseal_local.jar_download import fetch_jars  # noqa: PLC0415  (its libraries take 0.3 s to load)

            fetch_jars(jars, folder, progress)
    changed = [jar.filename for jar in jars if not jar.is_at(folder / jar.filename)]
    if changed:
        raise LocalStackError(f"{', '.join(changed)} in {folder} changed: remove {folder} to have it fetched again")
    return [folder / jar.filename for jar in jars]
