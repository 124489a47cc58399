"""The demo's folder, which holds everything that the demo makes; only a demo's own files are ever removed."""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from auditseal_schemas.errors import ConfigurationError

CLUSTER = "demo.auditseal.local"
EVENTS_TOPIC = "audit.events"
BLOCKS_TOPIC = "audit.blocks"
PARTITIONS = 3

_MARK = ".made-by-auditseal-demo"


@dataclass(frozen=True, slots=True)
class DemoFolder:
    """The folder and the names in it."""

    directory: Path

    @property
    def vault(self) -> Path:
        """The directory vault, or the copy of the vault in MinIO."""
        return self.directory / "vault"

    @property
    def copy(self) -> Path:
        """The copy that the demo tampers with."""
        return self.directory / "tampered-copy"

    @property
    def trust(self) -> Path:
        """The trust file."""
        return self.directory / "trust.txt"

    @property
    def events(self) -> Path:
        """The events that the services meant to record, as JSON lines."""
        return self.directory / "events.jsonl"

    @property
    def signing_key(self) -> Path:
        """The sealer's key, encrypted."""
        return self.directory / "signing-key.pem"

    @property
    def passphrase(self) -> Path:
        """The file with its passphrase."""
        return self.directory / "passphrase"

    @property
    def index(self) -> Path:
        """The index of the vault."""
        return self.directory / "index"

    @property
    def streams(self) -> Path:
        """What the explorer remembers of the services' streams."""
        return self.directory / "streams"

    @property
    def logs(self) -> Path:
        """The logs of daemons and services."""
        return self.directory / "logs"

    def keep_passphrase(self) -> None:
        """Draw the key's passphrase and leave it for this user alone."""
        descriptor = os.open(self.passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(24))

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the folder for this process alone, and remove the files of an earlier demo.

        Raises:
            ConfigurationError: Another demo runs in it, or it holds something that no demo made.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self.directory, os.O_RDONLY)
        try:
            self._lock(descriptor)
            self._clear()
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int) -> None:
        """Lock the folder itself: this needs no file, and the kernel releases the lock when its holder dies."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigurationError(
                f"another demo runs in {self.directory}: end it with Ctrl-C, or name another folder by --dir"
            ) from error

    def _clear(self) -> None:
        mark = self.directory / _MARK
        left = [path for path in self.directory.iterdir() if path != mark]
        if left and not mark.exists():
            raise ConfigurationError(f"{self.directory} holds files that no demo made: name another folder by --dir")
        mark.touch()  # it comes first and stays: a demo that is killed here may be run again
        for path in left:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.logs.mkdir()
