"""Reads the golden vaults' files, as any verifier's test would."""

import json
from typing import Any

from tests.vectors.make import FOLDER, INDEX


def read_vectors() -> list[dict[str, Any]]:
    vectors: list[dict[str, Any]] = json.loads((FOLDER / INDEX).read_text(encoding="utf-8"))
    return vectors


def content_of(version: dict[str, Any]) -> bytes | None:
    """Return a version's bytes; None for a delete marker and for an object without content."""
    if "pieces" in version:
        pieces: list[tuple[str, int]] = version["pieces"]
        return b"".join((FOLDER / name).read_bytes() * times for name, times in pieces)
    name: str | None = version["file"]
    return (FOLDER / name).read_bytes() if name else None


def is_marker(version: dict[str, Any]) -> bool:
    return content_of(version) is None and not version.get("unreadable")


def trust_of(vector: dict[str, Any]) -> bytes:
    """Return a vector's trust file."""
    comments: int = vector.get("trust_comments", 0)
    return str(vector["trust"]).encode() + b"#\n" * comments
