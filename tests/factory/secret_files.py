"""Files with a secret, as only their owner can read them."""

from pathlib import Path


def write_secret(path: Path, secret: str) -> Path:
    """Write a secret to a file of mode 0600 and return its path."""
    path.touch(0o600)
    path.write_text(secret)
    return path
