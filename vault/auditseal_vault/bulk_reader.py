"""Many objects of a vault, read one after the other by the verbs that every vault has; and what reading ahead needs."""

from collections.abc import Iterable, Iterator
from typing import Generic, Self, TypeVar

from auditseal_schemas.errors import AuditsealError
from auditseal_vault.errors import RefusedObjectError, UnreadableObjectError
from auditseal_vault.interface import ReadOutcome, StoredObject, StoredVersion, VaultReader

T = TypeVar("T")


class UntilError(Generic[T]):
    """Items up to an error of their source, so that a reader ahead of its caller finishes what came before it.

    Attributes:
        error: The error, for the caller to raise in the end; None where the items came to their end.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._items = iter(items)
        self.error: AuditsealError | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        try:
            return next(self._items)
        except AuditsealError as error:
            self.error = error
            raise StopIteration from error


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
    if not vault.enforces_worm:
        return StoredObject(version.key, version.version_id, data, None)
    place = (version.key, version.version_id)
    return StoredObject(*place, data, vault.retention(*place), vault.encryption(*place), vault.legal_hold(*place))
