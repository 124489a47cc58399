"""The golden vaults, which hold every semantic attack at one place each."""

from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial

from auditseal_vault.interface import Retention
from tests.factory.vaults import Version
from tests.tamper.case import Family, Kind, Vault
from tests.tamper.world import Objects
from tests.vectors.make import all_vectors
from tests.vectors.vector import Vector

UNPROVABLE = {"fork-rotated", "fork-unsigned", "fork-by-frontier", "fork-at-start"}
"""Forks whose evidence doesn't convince by the pinned keys alone."""
LOCKED = Retention("COMPLIANCE", datetime(2100, 1, 1, tzinfo=UTC))


def families() -> Iterator[Family]:
    yield Family("golden vaults, tampered with", "see tests/vectors", _tampered)
    yield Family("golden vaults, tampered with unseen", "see tests/vectors", partial(_untold, True), Kind.UNDETECTABLE)
    yield Family("golden vaults, good", "nobody", partial(_untold, False), Kind.LAWFUL)


def _tampered() -> Iterator[Vault]:
    return (case for case in _vaults() if case.expected)


def _untold(is_attack: bool, /) -> Iterator[Vault]:
    return (case for case in _vaults() if not case.expected and case.name.endswith("-unseen") == is_attack)


def _vaults() -> Iterator[Vault]:
    for vector in all_vectors():
        if not vector.trust_error and not _has_object_without_content(vector):
            yield Vault(
                vector.name,
                _objects(vector),
                tuple((finding,) for finding in vector.findings),
                vector.trust,
                vector.remembered,
                vector.newest_after,
                provable=vector.name not in UNPROVABLE,
            )


def _has_object_without_content(vector: Vector) -> bool:
    """Return whether a store lists an object and doesn't have it: a vault in memory can't be like that."""
    return any(version.is_unreadable for versions in vector.objects.values() for version in versions)


def _objects(vector: Vector) -> Objects:
    """Return a vector's objects, oldest version first; those of a directory as a store with locks would hold them."""
    return {
        key: tuple(
            Version(
                version.version_id,
                version.content,
                Retention(version.lock.mode, datetime.fromisoformat(version.lock.retain_until))
                if version.lock
                else (None if vector.has_store else LOCKED),
            )
            for version in reversed(versions)
        )
        for key, versions in vector.objects.items()
    }
