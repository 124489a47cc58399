"""Files that hold a secret: read only where no one but their owner, or the owner's group by root's wish, may read them.

The rule is PostgreSQL's for its server's key (documentation, "Secure TCP/IP Connections with SSL"): a file of this
process's user is readable by that user alone; a file of root may be readable by its group as well, which is how
Kubernetes mounts secrets for a process that is not root.
"""

import os
import stat
from pathlib import Path

from auditseal_schemas.errors import ConfigurationError

_ROOT = 0


def read_secret_file(path: Path) -> bytes:
    """Return the content of a file that holds a secret.

    Raises:
        ConfigurationError: It can't be read, or others may read or change it.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read()
    except OSError as error:
        raise ConfigurationError(f"the secret in {path} can't be read: {error.strerror}") from error
    check_private(path, stat.S_IMODE(status.st_mode), status.st_uid, os.geteuid())
    return content


def read_secret(path: Path) -> str:
    """Return the secret that is alone in a file, without the newline after it.

    Raises:
        ConfigurationError: As `read_secret_file`, or it is empty or not UTF-8.
    """
    try:
        secret = read_secret_file(path).decode().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"the secret in {path} can't be read: it is not UTF-8") from error
    if not secret:
        raise ConfigurationError(f"{path} is empty: write the secret into it, and nothing else")
    return secret


def check_private(path: Path, mode: int, owner: int, user: int) -> None:
    """Check that the mode of a file with a secret lets no others in.

    Args:
        path: The file, for the error.
        mode: Its permission bits.
        owner: The number of its user.
        user: The number of this process's user.

    Raises:
        ConfigurationError: It does.
    """
    allowed = 0o640 if owner == _ROOT and user != _ROOT else 0o600
    if mode & 0o077 & ~allowed:
        raise ConfigurationError(f"{path} has mode {mode:04o}: others may use the secret in it; chmod 600 {path}")
