"""The MinIO binary: given, cached, or built from source once.

MinIO is published as source only. `go install` builds it at one pinned commit. Go checks every module against its
checksum database. This module checks the main module's hash once more, in the built binary.
"""

import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

from auditseal_local.cache import cache_dir, exclusive
from auditseal_local.errors import LocalStackError
from auditseal_local.go_toolchain import find_go
from auditseal_local.job import run_logged
from auditseal_local.progress import Progress

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
_MODULE = "github.com/minio/minio"
_MODULE_HASH = "h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA="
_GIVEN = "AUDITSEAL_MINIO"


def minio_binary(progress: Progress) -> Path:
    """Return the path of a MinIO binary, and build it into the cache if it is missing.

    Raises:
        LocalStackError: `AUDITSEAL_MINIO` does not name a program, or the build failed.
    """
    given = os.environ.get(_GIVEN)
    if given:
        if not os.access(given, os.X_OK) or not Path(given).is_file():
            raise LocalStackError(
                f"{_GIVEN}={given} is not a program: name a MinIO binary, or unset it to have one built"
            )
        return Path(given).absolute()
    binary = cached_path()
    if not binary.exists():
        with exclusive(binary.with_name(f"{binary.name}.lock")):
            if not binary.exists():  # another process may have built it while we waited
                _build(binary, progress)
    return binary


def cached_path() -> Path:
    """Return the path of the built binary, which may not exist yet."""
    return cache_dir() / f"minio-{VERSION}"


def _build(binary: Path, progress: Progress) -> None:
    """Build in a directory with its own module and build caches, and remove them when the binary is complete.

    An interrupted build finds its caches again.
    """
    go = find_go(progress)
    work = binary.with_name(f"{binary.name}-build")
    work.mkdir(exist_ok=True)
    log = work / "log"
    log.write_bytes(b"")
    begun = time.monotonic()

    def tick(output: str) -> None:
        progress(f"MinIO: building from source (once), {time.monotonic() - begun:.0f} s, {_stage(output)}")

    command = [go, "install", "-v", "-trimpath", "-ldflags", "-s -w", f"{_MODULE}@{VERSION}"]
    run_logged(command, log, _go_environment(work), tick)
    _check_module(go, work / "bin" / "minio")
    (work / "bin" / "minio").replace(binary)
    binary.chmod(binary.stat().st_mode | stat.S_IXUSR)
    shutil.rmtree(work)


def _go_environment(work: Path) -> dict[str, str]:
    return {
        **os.environ,
        "CGO_ENABLED": "0",  # no C compiler needed
        "GOBIN": str(work / "bin"),
        "GOCACHE": str(work / "cache"),
        "GOFLAGS": "-modcacherw",  # else the module cache can't be deleted
        "GOPATH": str(work / "path"),
        "GOTOOLCHAIN": "local",
    }


def _stage(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    downloads = sum(line.startswith("go: ") for line in lines)
    compiled = len(lines) - downloads
    return f"{compiled} packages compiled" if compiled else f"{downloads} modules downloaded"


def _check_module(go: str, binary: Path) -> None:
    """Refuse a binary whose main module is not the pinned one.

    Raises:
        LocalStackError: It isn't.
    """
    told = subprocess.run([go, "version", "-m", str(binary)], check=True, capture_output=True, text=True)  # noqa: S603
    if f"\tmod\t{_MODULE}\t{VERSION}\t{_MODULE_HASH}" not in told.stdout:
        raise LocalStackError(
            f"{binary} was built from another source than {_MODULE} {VERSION} {_MODULE_HASH}: refused"
        )
