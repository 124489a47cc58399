"""The zip of a pack: the same content gives the same bytes, since no date, owner or order is left to chance."""

from hashlib import sha256
from pathlib import Path
from typing import Self
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

FOLDER = "evidence/"
"""The folder in the zip that holds all files."""
MANIFEST = "SHA256SUMS"
_DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip can have
_MODE = 0o100644
_UNIX = 3


class PackFile:
    """A zip while it is written, entry after entry. A context manager.

    Args:
        path: The file, which is replaced.
    """

    def __init__(self, path: Path) -> None:
        self._zip = ZipFile(path, "w", ZIP_DEFLATED)
        self._digests: dict[str, str] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, name: str, data: bytes) -> None:
        """Add a file, which the manifest will list."""
        self._digests[name] = sha256(data).hexdigest()
        self._write(name, data)

    def add_manifest(self) -> bytes:
        """Add SHA256SUMS, in the order of names, and return it."""
        manifest = "".join(f"{self._digests[name]}  {name}\n" for name in sorted(self._digests)).encode()
        self._write(MANIFEST, manifest)
        return manifest

    def add_timestamp(self, response: bytes) -> None:
        """Add the timestamp over the manifest, which can't list it."""
        self._write(f"{MANIFEST}.tsr", response)

    def _write(self, name: str, data: bytes) -> None:
        entry = ZipInfo(FOLDER + name, _DATE)
        entry.compress_type = ZIP_DEFLATED
        entry.create_system = _UNIX
        entry.external_attr = _MODE << 16
        self._zip.writestr(entry, data, compresslevel=9)
