"""Jars from Maven repositories: several at a time, and each one the jar of the lock or none."""

import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests
from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL

from auditseal_local.errors import LocalStackError
from auditseal_local.locked_jars import Jar
from auditseal_local.progress import Progress

_CONNECTIONS = 8
_TIMEOUT = 30.0  # s
_PAUSES = (1.0, 4.0)  # s, between the tries of one download


def fetch_jars(jars: Sequence[Jar], folder: Path, progress: Progress) -> None:
    """Fetch all jars next to `folder` and rename them to it at once, so that it is complete or absent.

    Raises:
        LocalStackError: One can't be downloaded, or is not the jar of the lock.
    """
    repositories = _repositories()
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix="fetch-") as temporary,
        requests.Session() as session,
        ThreadPoolExecutor(_CONNECTIONS) as pool,
    ):
        staged = Path(temporary) / "jars"
        staged.mkdir()
        session.mount("https://", requests.adapters.HTTPAdapter(pool_maxsize=_CONNECTIONS))
        fetched = pool.map(lambda jar: fetch(session, repositories, jar, staged / jar.filename), jars)
        for done, _ in enumerate(fetched, 1):
            progress(f"Kafka: downloading, {done} of {len(jars)} jars")
        staged.rename(folder)


def fetch(
    session: requests.Session, repositories: Sequence[str], jar: Jar, path: Path, pauses: Sequence[float] = _PAUSES
) -> None:
    """Download one jar, and try again after each pause.

    Raises:
        LocalStackError: No attempt succeeded, or a repository has another jar under this name.
    """
    for pause in [*pauses, None]:
        try:
            path.write_bytes(_download(session, repositories, jar))
            break
        except requests.RequestException as error:
            if pause is None:
                raise LocalStackError(
                    f"can't download {jar.filename}: {error}. Is a Maven repository reachable?"
                ) from error
            time.sleep(pause)
    if not jar.is_at(path):
        raise LocalStackError(f"{jar.filename} as downloaded is not the jar that the lock names: refused")


def _download(session: requests.Session, repositories: Sequence[str], jar: Jar) -> bytes:
    """Return the jar from the first repository that has it.

    Raises:
        requests.RequestException: None has it, or the one that was asked last gave no answer.
    """
    *mirrors, central = (f"{repository.rstrip('/')}/{jar.path}" for repository in repositories)
    for mirror in mirrors:
        answer = session.get(mirror, timeout=_TIMEOUT)
        if answer.ok:
            return answer.content
    answer = session.get(central, timeout=_TIMEOUT)
    answer.raise_for_status()
    return answer.content


def _repositories() -> list[str]:
    """Return the mirrors of the user's jgo configuration, and Maven Central as the last."""
    return [*GlobalSettings.load().repositories.values(), MAVEN_CENTRAL_URL]
