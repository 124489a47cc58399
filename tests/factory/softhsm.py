"""A real SoftHSM and its tokens: the machine's own, or Debian's packages unpacked into the cache."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from auditseal_local.cache import cache_dir

PIN = "1234"
_PACKAGES = ("softhsm2", "libsofthsm2")
_SECONDS = 300
_MODULES = (
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
    "/opt/homebrew/lib/softhsm/libsofthsm2.so",
)


@dataclass(frozen=True)
class SoftHsm:
    """SoftHSM's module and the program that makes tokens."""

    module: Path
    program: Path

    def make_token(self, directory: Path, label: str) -> None:
        """Make a token in a directory, which is the one that `SOFTHSM2_CONF=directory/softhsm2.conf` names."""
        tokens = directory / "tokens"
        tokens.mkdir(exist_ok=True)
        settings = (f"directories.tokendir = {tokens}", "objectstore.backend = file", "log.level = ERROR")
        (directory / "softhsm2.conf").write_text("\n".join(settings) + "\n")
        command = [str(self.program), "--module", str(self.module), "--init-token", "--free", "--label", label]
        environment = os.environ | {"SOFTHSM2_CONF": str(directory / "softhsm2.conf")}
        pins = ("--pin", PIN, "--so-pin", "123456")
        subprocess.run([*command, *pins], env=environment, check=True, capture_output=True, timeout=_SECONDS)


def find_softhsm() -> SoftHsm:
    """Return SoftHSM. Where there is none and the machine has apt, Debian's is fetched, without root.

    Raises:
        LookupError: There is none, and it can't be fetched.
    """
    program = shutil.which("softhsm2-util")
    module = next((Path(path) for path in _MODULES if Path(path).is_file()), None)
    if program and module:
        return SoftHsm(module, Path(program))
    folder = cache_dir() / "softhsm2"
    if not folder.is_dir() and shutil.which("apt-get"):
        _fetch(folder)
    program_there, module_there = folder / "usr/bin/softhsm2-util", folder / "usr/lib/softhsm/libsofthsm2.so"
    if not module_there.is_file():
        raise LookupError("there is no SoftHSM: install the package softhsm2")
    return SoftHsm(module_there, program_there)


def _fetch(folder: Path) -> None:
    """Unpack Debian's packages into a folder, which is there as a whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent) as scratch:
        if os.geteuid() == 0:
            subprocess.run(["apt-get", "-qq", "update"], check=False, capture_output=True, timeout=_SECONDS)
        subprocess.run(
            ["apt-get", "-qq", "download", *_PACKAGES], cwd=scratch, check=True, capture_output=True, timeout=_SECONDS
        )
        unpacked = Path(scratch) / "unpacked"
        for package in Path(scratch).glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", package, unpacked], check=True, timeout=_SECONDS)
        if not folder.is_dir():
            unpacked.rename(folder)
