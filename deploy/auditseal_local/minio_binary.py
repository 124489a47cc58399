"""The MinIO binary: given, or built from source once, because MinIO is published as source only."""

import os
from importlib.resources import files
from pathlib import Path

from auditseal_local.errors import LocalStackError
from auditseal_local.go_program import GoModule
from auditseal_local.progress import Progress

MINIO = GoModule(
    title="MinIO",
    module="github.com/minio/minio",
    version="v0.0.0-20260212201848-7aac2a2c5b7c",
    digest="h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA=",
    pins=files("auditseal_local") / "minio_build",
    commands=("github.com/minio/minio",),
)
_GIVEN = "AUDITSEAL_MINIO"


def minio_binary(progress: Progress) -> Path:
    """Return the path of a MinIO binary: the one that `AUDITSEAL_MINIO` names, else the one built into the cache.

    Raises:
        LocalStackError: `AUDITSEAL_MINIO` does not name a program, the build failed, or the cached binary has changed.
    """
    given = os.environ.get(_GIVEN)
    if not given:
        return MINIO.binaries(progress)[0]
    if not os.access(given, os.X_OK) or not Path(given).is_file():
        raise LocalStackError(f"{_GIVEN}={given} is not a program: name a MinIO binary, or unset it to have one built")
    return Path(given).absolute()
