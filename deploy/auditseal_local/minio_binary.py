"""The MinIO binary: given, cached, or built from source once.

MinIO is published as source only. `minio_build/go.sum` pins the hash of each module that `go build` compiles, so that
neither a module proxy nor a variable of the caller's environment can change the source. The built binary names its main
module, which is compared with the pin. Its SHA-256 is stored next to it and compared at each use.
"""

import os
import shutil
import subprocess
import time
from importlib.resources import files
from pathlib import Path

from auditseal_local.cache import cache_dir, exclusive, sha256_of
from auditseal_local.errors import LocalStackError
from auditseal_local.go_toolchain import find_go, go_environment
from auditseal_local.job import run_logged
from auditseal_local.progress import Progress

VERSION = "v0.0.0-20260212201848-7aac2a2c5b7c"
_MODULE = "github.com/minio/minio"
_MODULE_HASH = "h1:/qdoYujxF5MBLDMVLeiYJ/7fBa1HikX39Dvzb9Ji8pA="
_PINS = ("go.mod", "go.sum")
_GIVEN = "AUDITSEAL_MINIO"


def minio_binary(progress: Progress) -> Path:
    """Return the path of a MinIO binary, and build it into the cache if it is missing.

    Raises:
        LocalStackError: `AUDITSEAL_MINIO` does not name a program, the build failed, or the cached binary has changed.
    """
    given = os.environ.get(_GIVEN)
    if given:
        if not os.access(given, os.X_OK) or not Path(given).is_file():
            raise LocalStackError(
                f"{_GIVEN}={given} is not a program: name a MinIO binary, or unset it to have one built"
            )
        return Path(given).absolute()
    folder = cached_folder()
    with exclusive(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            _build(folder, progress)
    binary = folder / "minio"
    if sha256_of(binary) != _recorded(folder).read_text():
        raise LocalStackError(f"{binary} has changed since it was built: remove {folder} to have it built again")
    return binary


def cached_folder() -> Path:
    """Return the directory of the built binary, which may not exist yet."""
    return cache_dir() / f"minio-{VERSION}-built"


def _recorded(folder: Path) -> Path:
    return folder / "minio.sha256"


def _build(folder: Path, progress: Progress) -> None:
    """Build in a directory with its own module and build caches, and remove them when the binary is complete.

    An interrupted build finds its caches again.
    """
    go = find_go(progress)
    work = folder.with_name(f"{folder.name}-work")
    source, built = work / "source", work / "built"
    for directory in (source, built):
        directory.mkdir(parents=True, exist_ok=True)
    for name in _PINS:
        (source / name).write_text(files("auditseal_local").joinpath("minio_build", name).read_text())
    log = work / "log"
    log.write_bytes(b"")
    begun = time.monotonic()

    def tick(output: str) -> None:
        progress(f"MinIO: building from source (once), {time.monotonic() - begun:.0f} s, {_stage(output)}")

    binary = built / "minio"
    command = [go, "build", "-C", str(source), "-v", "-trimpath", "-ldflags", "-s -w", "-o", str(binary), _MODULE]
    run_logged(command, log, go_environment(go, work), tick)
    _check_module(go, binary)
    _recorded(built).write_text(sha256_of(binary))
    built.rename(folder)
    shutil.rmtree(work)


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
