"""Go programs that are published as source: built once into the cache from modules that are pinned by hash.

The folder of pins has a `go.mod` and a `go.sum`. The latter has the hash of each module that `go build` compiles, so
that neither a module proxy nor a variable of the caller's environment can change the source. A built binary names its
main module, which is compared with the pin. Its SHA-256 is stored next to it and compared at each use.
"""

import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from importlib.resources.abc import Traversable
from pathlib import Path

from auditseal_local.cache import cache_dir, exclusive, sha256_of
from auditseal_local.errors import LocalStackError
from auditseal_local.go_toolchain import GoVersion, find_go, go_environment
from auditseal_local.job import run_logged
from auditseal_local.progress import Progress

_PINS = ("go.mod", "go.sum")
_MAJOR = re.compile(r"v\d+")
_NEEDED = re.compile(r"^go (\d+)\.(\d+)(?:\.(\d+))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GoModule:
    """A Go module, and its commands that are built together.

    Attributes:
        title: Its name in progress lines.
        module: The path of the module.
        version: The module's version.
        digest: The module's hash as `go.sum` has it: `h1:...`.
        pins: The folder with `go.mod` and `go.sum`.
        commands: The packages of the commands; a binary has the name of its package's last part but a version.
        tags: Build tags.
    """

    title: str
    module: str
    version: str
    digest: str
    pins: Traversable
    commands: tuple[str, ...]
    tags: tuple[str, ...] = ()

    @property
    def folder(self) -> Path:
        """The directory of the built binaries in the cache, which may not exist yet."""
        return cache_dir() / f"{_last_part(self.module)}-{self.version}-built"

    def binaries(self, progress: Progress) -> list[Path]:
        """Return the paths of the binaries, in the order of the commands, and build them if they are missing.

        Raises:
            LocalStackError: The build failed, or a cached binary has changed.
        """
        folder = self.folder
        with exclusive(folder.with_name(f"{folder.name}.lock")):
            if not folder.exists():
                _build(self, folder, progress)
        binaries = _paths(self, folder)
        for binary in binaries:
            if sha256_of(binary) != _recorded(binary).read_text():
                raise LocalStackError(
                    f"{binary} has changed since it was built: remove {folder} to have it built again"
                )
        return binaries


def _paths(module: GoModule, folder: Path) -> list[Path]:
    return [folder / _last_part(command) for command in module.commands]


def _last_part(path: str) -> str:
    """Return the name that Go gives a module or a package: its last part that is not a major version."""
    return [part for part in path.split("/") if not _MAJOR.fullmatch(part)][-1]


def _recorded(binary: Path) -> Path:
    return binary.with_name(f"{binary.name}.sha256")


def _build(module: GoModule, folder: Path, progress: Progress) -> None:
    """Build in a directory with its own module and build caches, and remove them when the binaries are complete.

    An interrupted build finds its caches again.
    """
    pins = {name: module.pins.joinpath(name).read_text("utf-8") for name in _PINS}
    go = find_go(progress, _needed(pins["go.mod"]))
    work = folder.with_name(f"{folder.name}-work")
    source, built = work / "source", work / "built"
    for directory in (source, built):
        directory.mkdir(parents=True, exist_ok=True)
    for name, text in pins.items():
        (source / name).write_text(text, "utf-8")
    log = work / "log"
    log.write_bytes(b"")
    command = [go, "build", "-C", str(source), "-v", "-trimpath", "-ldflags", "-s -w", "-o", f"{built}/"]
    command += ["-tags", ",".join(module.tags), *module.commands]
    told = partial(_tell, module.title, time.monotonic(), progress)
    run_logged(command, log, go_environment(go, work), told)
    for binary in _paths(module, built):
        _check_module(module, go, binary)
        _recorded(binary).write_text(sha256_of(binary))
    built.rename(folder)
    shutil.rmtree(work)


def _needed(go_mod: str) -> GoVersion:
    """Return the least Go version that a `go.mod` asks for."""
    match = _NEEDED.search(go_mod)
    if match is None:
        raise LocalStackError("a go.mod without a go line: `go mod tidy` writes one")
    return int(match[1]), int(match[2]), int(match[3] or 0)


def _tell(title: str, begun: float, progress: Progress, output: str) -> None:
    progress(f"{title}: building from source (once), {time.monotonic() - begun:.0f} s, {_stage(output)}")


def _stage(output: str) -> str:
    lines = [line for line in output.splitlines() if line.strip()]
    downloads = sum(line.startswith("go: ") for line in lines)
    compiled = len(lines) - downloads
    return f"{compiled} packages compiled" if compiled else f"{downloads} modules downloaded"


def _check_module(module: GoModule, go: str, binary: Path) -> None:
    """Refuse a binary whose main module is not the pinned one.

    Raises:
        LocalStackError: It isn't.
    """
    told = subprocess.run([go, "version", "-m", str(binary)], check=True, capture_output=True, text=True)  # noqa: S603
    if f"\tmod\t{module.module}\t{module.version}\t{module.digest}" not in told.stdout:
        raise LocalStackError(
            f"{binary} was built from another source than {module.module} {module.version} {module.digest}: refused"
        )
