"""Vaults in memory, made of fixed keys and times: `make_log` seals a log, `put_log` stores it."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.key import Signer, SigningKey
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_vault.bulk_reader import read_each
from auditseal_vault.errors import RefusedObjectError, UnreadableObjectError
from auditseal_vault.interface import ReadOutcome, Retention, StoredVersion, VaultReader
from auditseal_vault.log_reader import LogReader
from tests.factory.keys import SIGNER, keys_of
from tests.factory.messages import Message
from tests.factory.streams import stored_deflate

ORIGINS = tuple(Origin("a.example", "audit.events", partition, 0) for partition in range(2))
DAY = 86_400_000_000
"""µs."""
SEALED_AT = 1_700_000_000_000_000
RETENTION_DAYS = 30


@dataclass(frozen=True)
class Version:
    """One version of an object; `data` None: a delete marker."""

    version_id: str
    data: bytes | None
    lock: Retention | None


@dataclass
class MemoryVault:
    """A vault in memory, with versions, markers and locks, or without (`enforces_worm` False)."""

    enforces_worm: bool = True
    url: str = "memory:"
    objects: dict[str, list[Version]] = field(default_factory=dict)
    broken: str = ""
    """A key whose reading fails; `*`: nothing can be listed."""
    unreadable: set[str] = field(default_factory=set)
    """Keys that are listed and have no content."""
    refused: set[str] = field(default_factory=set)
    """Keys that this reader may not read."""
    held: set[str] = field(default_factory=set)
    """Keys whose first version is under a legal hold."""
    shows_holds: bool = True
    """Whether this reader may see legal holds."""

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        if self.broken == "*":
            raise UnavailableError("the store is away")
        for key in sorted(self.objects, key=lambda name: name.encode("utf-8", "surrogateescape")):
            if key.startswith(prefix) and key > after:
                for number, version in enumerate(reversed(self.objects[key])):
                    marker = version.data is None
                    yield StoredVersion(key, version.version_id, number == 0, marker, len(version.data or b""))

    def holds(self, key: str) -> bool:
        return key in self.objects and self.objects[key][-1].data is not None

    def read(self, key: str, version_id: str = "") -> bytes:
        if key == self.broken:
            raise UnavailableError(f"{key} can't be read: the store is away")
        if key in self.unreadable:
            raise UnreadableObjectError(f"{key}: the store lists this version and has no content for it")
        if key in self.refused:
            raise RefusedObjectError(f"{key}: access is denied")
        found = [version for version in self.objects[key] if version.version_id == version_id]
        assert len(found) == 1
        assert found[0].data is not None
        return found[0].data

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        return [entry for entry in self.versions(key) if entry.key == key]

    def read_many(self, versions: Iterable[StoredVersion]) -> Iterator[ReadOutcome]:
        return read_each(self, versions)

    def encryption(self, key: str, version_id: str) -> None:
        return None

    def legal_hold(self, key: str, version_id: str) -> bool | None:
        return key in self.held if self.shows_holds else None

    def retention(self, key: str, version_id: str) -> Retention | None:
        return next(version.lock for version in self.objects[key] if version.version_id == version_id)

    def extend_lock(self, key: str, version_id: str, retain_until: datetime) -> None:
        versions = self.objects[key]
        number = [version.version_id for version in versions].index(version_id)
        versions[number] = replace(versions[number], lock=Retention("COMPLIANCE", retain_until))

    def put(self, key: str, data: bytes | None, lock: Retention | None = None) -> None:
        """Store another version; None is a delete marker."""
        versions = self.objects.setdefault(key, [])
        versions.append(Version(f"v{len(versions) + 1}" if self.enforces_worm else "", data, lock))

    def replace(self, key: str, data: bytes) -> None:
        """Change the object under a key, as an administrator of the disks may."""
        self.objects[key][0] = replace(self.objects[key][0], data=data)


def lock_until(sealed_at: int = SEALED_AT, days: float = RETENTION_DAYS + 1, mode: str = "COMPLIANCE") -> Retention:
    return Retention(mode, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=sealed_at, days=days))


def make_messages(origin: Origin, offsets: Iterable[int]) -> list[Message]:
    """Return a different message at each offset."""
    return [
        Message(
            offset,
            f'{{"log": "{origin}", "number": {offset}}}'.encode(),
            b"actor-%d" % (offset % 3),
            [("trace", b"%d" % offset)] if offset % 2 else [],
            1_700_000_000_000 + offset,
        )
        for offset in offsets
    ]


def seal(
    state: LogState,
    records: int,
    *,
    signers: Sequence[Signer] = (SIGNER,),
    partitions: int = len(ORIGINS),
    skip: int = 0,
    now: int | None = None,
    source: Mapping[str, Any] | None = None,
    compress: Callable[[bytes], bytes] = stored_deflate,
    **more: Any,
) -> Block:
    """Return the next block of a log, after a gap of `skip` offsets."""
    identity = replace(SourceIdentity("C", "T", partitions, 0), **(source or {}))
    draft = BlockDraft(state, BlockLimits(), compress=compress)
    first = state.next_offset + skip
    assert draft.extend(make_messages(state.origin, range(first, first + records))) == records
    sealed_at = SEALED_AT + state.height if now is None else now
    return draft.seal(identity, signers, now=sealed_at, sealer="auditseal/test", **more)


def genesis(origin: Origin, *signers: SigningKey) -> LogState:
    return LogState.genesis(origin, keys_of(origin, *signers))


def make_log(origin: Origin, sizes: Sequence[int] = (4, 3, 5), **more: Any) -> list[Block]:
    """Return a log's blocks, with the given numbers of records."""
    state, blocks = genesis(origin), []
    for size in sizes:
        blocks.append(seal(state, size, **more))
        state = state.accept(blocks[-1])
    return blocks


def put_log(vault: MemoryVault, blocks: Iterable[Block]) -> None:
    """Store blocks where they belong, locked as they must be."""
    for block in blocks:
        lock = lock_until(block.header.sealed_at) if vault.enforces_worm else None
        vault.put(block.header.origin.block_key(block.header.height), block.format(), lock)


def make_vault(
    *, enforces_worm: bool = True, sizes: Sequence[int] = (4, 3, 5)
) -> tuple[MemoryVault, list[list[Block]]]:
    """Return a good vault of both logs, and their blocks."""
    vault, logs = MemoryVault(enforces_worm), [make_log(origin, sizes) for origin in ORIGINS]
    for blocks in logs:
        put_log(vault, blocks)
    return vault, logs


def make_trust(
    *origins: Origin, retention_days: int | None = RETENTION_DAYS, starts: Mapping[Origin, Start] | None = None
) -> Trust:
    """Return what pins the logs with the first signer's key."""
    logs = (PinnedLog(origin, keys_of(origin), (starts or {}).get(origin)) for origin in origins or ORIGINS)
    return Trust(tuple(logs), None, retention_days)


def read_head(
    reader: VaultReader, origin: Origin, below: int = MAX_HEIGHT + 1, near: int | None = None
) -> tuple[int, bytes] | None:
    """Return height and bytes of a log's highest stored block, as `LogReader` finds it."""
    stored = LogReader(reader, origin).head(below, near)
    return (stored.height, stored.data) if stored else None
