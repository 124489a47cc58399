"""Many objects of a vault, read one after the other by the verbs that every vault has."""

from collections.abc import Iterable, Iterator

from auditseal_vault.errors import RefusedObjectError, UnreadableObjectError
from auditseal_vault.interface import ReadOutcome, StoredObject, StoredVersion, VaultReader


def read_each(vault: VaultReader, versions: Iterable[StoredVersion]) -> Iterator[ReadOutcome]:
    """Yield the outcome of reading each version, in the order given: `read_many` of a vault without latency.

    Raises:
        UnavailableError: The store can't be read.
    """
    for version in versions:
        yield read_version(vault, version)


def read_version(vault: VaultReader, version: StoredVersion) -> ReadOutcome:
    """Return the outcome of reading one version.

    Raises:
        UnavailableError: The store can't be read.
    """
    try:
        data = vault.read(version.key, version.version_id)
    except (RefusedObjectError, UnreadableObjectError) as error:
        return error
    lock = vault.retention(version.key, version.version_id) if vault.enforces_worm else None
    return StoredObject(version.key, version.version_id, data, lock)
