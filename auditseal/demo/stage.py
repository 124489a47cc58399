"""The demo's folder: all that it makes lies there, and only what a demo made is ever removed."""

import os
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path

from auditseal_schemas.errors import ConfigurationError

CLUSTER = "demo.auditseal.local"
EVENTS_TOPIC = "audit.events"
BLOCKS_TOPIC = "audit.blocks"
PARTITIONS = 3

_MARK = ".made-by-auditseal-demo"


@dataclass(frozen=True, slots=True)
class Stage:
    """The folder and the names in it."""

    directory: Path

    @property
    def vault(self) -> Path:
        """The directory vault, or the copy of what lies in MinIO."""
        return self.directory / "vault"

    @property
    def copy(self) -> Path:
        """The copy that gets tampered with."""
        return self.directory / "tampered-copy"

    @property
    def trust(self) -> Path:
        """All that the verification trusts."""
        return self.directory / "trust.txt"

    @property
    def events(self) -> Path:
        """What the services meant to record, as JSON lines."""
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
    def logs(self) -> Path:
        """The logs of daemons and services."""
        return self.directory / "logs"

    def keep_passphrase(self) -> None:
        """Draw the key's passphrase and leave it for this user alone."""
        descriptor = os.open(self.passphrase, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(secrets.token_urlsafe(24))

    def clear(self) -> None:
        """Begin anew: remove what an earlier demo left.

        Raises:
            ConfigurationError: The folder holds something that no demo made.
        """
        if self.directory.exists() and any(self.directory.iterdir()):
            if not (self.directory / _MARK).exists():
                raise ConfigurationError(
                    f"{self.directory} holds files that no demo made: name another folder by --dir"
                )
            shutil.rmtree(self.directory)
        self.logs.mkdir(parents=True)
        (self.directory / _MARK).touch()
