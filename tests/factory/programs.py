"""Programs that a test puts in place of real ones."""

from pathlib import Path


def shell_script(path: Path, text: str) -> Path:
    """Write an executable shell script and return its path."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path
