"""The interface of a vault, the store that keeps a log's blocks. It has the verbs of a store and nothing else."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from auditseal_vault.encryption import Encryption
from auditseal_vault.errors import RefusedObjectError, UnreadableObjectError


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version of an object, or a delete marker.

    Attributes:
        key: The key below the vault's prefix: `v1/<origin>/blocks/<height>.avro`.
        version_id: The store's name of the version; empty if the backend has no versions.
        is_latest: A plain read would return it.
        is_delete_marker: It hides the versions before it, and has no content.
        size: Bytes; 0 for a marker.
    """

    key: str
    version_id: str
    is_latest: bool
    is_delete_marker: bool
    size: int


@dataclass(frozen=True, slots=True)
class Retention:
    """What the store says of a version's lock: the mode, `COMPLIANCE` or `GOVERNANCE`, and its end in UTC."""

    mode: str
    retain_until: datetime

    def lasts_until(self, until: datetime) -> bool:
        """Return whether this protects the version from everyone until a time."""
        return self.mode == "COMPLIANCE" and self.retain_until >= until


@dataclass(frozen=True, slots=True)
class StoredObject:
    """One version of an object that was read.

    Attributes:
        key: Its key.
        version_id: The store's name of the version; empty if the backend has no versions.
        data: Its content, cut one byte after MAX_OBJECT_BYTES.
        retention: Its lock; None without one, or if the store knows of no locks.
        encryption: How the store says that it is encrypted at rest; None where it says nothing of it.
        legal_hold: Whether it is under a legal hold; None where the answer doesn't say. S3's doesn't where no hold was
            ever set, or where this reader may not see holds.
    """

    key: str
    version_id: str
    data: bytes
    retention: Retention | None
    encryption: Encryption | None = None
    legal_hold: bool | None = None


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to be stored.

    Attributes:
        key: Its key.
        data: Its content.
        retain_until: The end of its lock.
    """

    key: str
    data: bytes
    retain_until: datetime


ReadOutcome: TypeAlias = StoredObject | UnreadableObjectError | RefusedObjectError
"""An object that was read, or why this one object can't be."""


class VaultReader(Protocol):
    """A vault, for reading."""

    @property
    def url(self) -> str:
        """The vault's URL, without credentials."""
        ...

    @property
    def enforces_worm(self) -> bool:
        """Whether the store itself keeps anyone from changing an object; a directory doesn't."""
        ...

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        """Yield every version and marker of the keys that begin with `prefix` and come after the key `after`.

        Keys ascend by their UTF-8 bytes; the versions of one key go from the newest to the oldest. With a `limit` no
        more than that many are fetched and yielded.

        Raises:
            UnavailableError: The store can't be read.
            UnreadableObjectError: Where the prefix's directory should be is something else.
        """
        ...

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        """Return every version and marker of one key, from the newest to the oldest; none where nothing is there.

        Raises:
            UnavailableError: The store can't be read.
            UnreadableObjectError: Where the key's directory should be is something else.
        """
        ...

    def holds(self, key: str) -> bool:
        """Return whether a key's latest version can be read: a quick hint that does not prove that nothing is stored.

        Raises:
            UnavailableError: The store can't be asked.
        """
        ...

    def read(self, key: str, version_id: str = "") -> bytes:
        """Return the content of one version, or of the latest where no version is named.

        Content longer than MAX_OBJECT_BYTES is cut one byte after it: no block is that long, and none is made to fill
        the memory.

        Raises:
            UnreadableObjectError: The store lists this object and has no content for it.
            RefusedObjectError: The store answers, and refuses this object.
            UnavailableError: The store can't be read, or there is no such object.
        """
        ...

    def read_many(self, versions: Iterable[StoredVersion]) -> Iterator[ReadOutcome]:
        """Yield what reading each of the listed versions gives, in the order given.

        Many requests may be in flight, so `versions` is read ahead of the outcomes. Memory stays bounded however many
        there are: by the larger of 32 MiB and the largest object.

        Raises:
            UnavailableError: The store can't be read.
        """
        ...

    def retention(self, key: str, version_id: str) -> Retention | None:
        """Return a version's lock, None without one, or if the store knows of no locks.

        Raises:
            UnavailableError: The store can't be read.
        """
        ...

    def encryption(self, key: str, version_id: str) -> Encryption | None:
        """Return how the store says that a version is encrypted at rest; None where it says nothing of it.

        Raises:
            UnavailableError: The store can't be asked.
        """
        ...

    def legal_hold(self, key: str, version_id: str) -> bool | None:
        """Return whether a version is under a legal hold; None where this reader may not see it.

        A version that does not exist any more is under none.

        Raises:
            UnavailableError: The store can't be asked.
        """
        ...


class Vault(VaultReader, Protocol):
    """A vault, for reading and for adding objects."""

    def put(self, key: str, data: bytes, retain_until: datetime) -> None:
        """Store a new object, locked in COMPLIANCE mode until `retain_until` where the store has locks.

        On return it is durable and readable by everyone. It is atomic: nobody ever sees a part of it. Two writers of
        one key never both succeed. Repeating a call whose outcome is unknown is safe.

        Raises:
            AlreadyStoredError: The key exists; nothing was changed.
            UnreadableObjectError: Where the key's directory should be is something else.
            HaltError: NOT_ENCRYPTED; the object is stored, and not encrypted as this vault asks for.
            UnavailableError: The outcome is unknown, or the store is unreachable.
        """
        ...

    def put_many(self, objects: Iterable[NewObject]) -> None:
        """Store new objects as `put` does, many at once, and leave the keys that exist as they are.

        Raises:
            UnreadableObjectError, HaltError, UnavailableError: As `put`; some of the objects are stored.
        """
        ...

    def extend_lock(self, key: str, version_id: str, retain_until: datetime) -> None:
        """Lock a version in COMPLIANCE mode until a later time than now, where the store has locks.

        Raises:
            UnavailableError: The store refused, or is unreachable.
        """
        ...
