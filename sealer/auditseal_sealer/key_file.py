"""A log's signing key in a file: an encrypted PEM that only its owner can read, and that nothing overwrites."""

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from auditseal_daemon.secret_file import read_secret_file
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.key import SigningKey

_MODE = 0o600


def load_key(path: Path, passphrase: str) -> SigningKey:
    """Read a signing key.

    Raises:
        ConfigurationError: It can't be read or opened, or others than its owner may read it.
    """
    pem = read_secret_file(path)
    try:
        return SigningKey.from_pem(pem, passphrase.encode())
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from error


def store_key(path: Path, key: SigningKey, passphrase: str) -> None:
    """Write a signing key, encrypted, whole or not at all.

    Raises:
        ConfigurationError: The file exists, can't be written, or the passphrase is empty.
    """
    if not passphrase:
        raise ConfigurationError("a signing key is stored encrypted only: the passphrase is empty")
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    try:
        try:
            _write_durably(draft, key.to_pem(passphrase.encode()))
            path.hardlink_to(draft)  # fails where the name is taken, as a rename would not
        finally:
            with suppress(FileNotFoundError):
                draft.unlink()
        _sync_directory(path.parent)
    except FileExistsError as error:
        raise ConfigurationError(f"{path} exists: a signing key is never overwritten; name another file") from error
    except OSError as error:
        raise ConfigurationError(f"the signing key can't be written to {path}: {error.strerror}") from error


def _write_durably(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
