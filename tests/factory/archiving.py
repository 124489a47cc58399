"""What the archiver's tests share: a block archiver over a directory, and a vault whose operations fail as planned."""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from auditseal_archiver.block_archiver import BlockArchiver, PartitionConfig
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_daemon.retry import StoreRetry
from auditseal_schemas.block import Block
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.trust import PinnedLog
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.encryption import Encryption
from auditseal_vault.interface import Retention, StoredVersion
from tests.factory.keys import KEY, ORIGIN

PINNED = PinnedLog(ORIGIN, (KEY,))
TOPIC = "audit.blocks"
DAY = timedelta(days=1)
_LATE = 0.02  # s


def until() -> datetime:
    return datetime.now(UTC) + DAY


def halts(halt: Halt, call: Callable[..., object], *arguments: Any) -> str:
    """Check that a call halts for a reason; return what it says."""
    with pytest.raises(HaltError) as caught:
        call(*arguments)
    assert caught.value.halt is halt
    return str(caught.value)


def store(vault: DirectoryVault, *blocks: Block) -> None:
    for block in blocks:
        vault.put(block.header.origin.block_key(block.header.height), block.format(), until())


class FaultyVault(DirectoryVault):
    """A directory whose operations fail as often as told, before or after they happened.

    Attributes:
        faults: For `put`, `versions`, `read` and `retention`: what the next calls do: fail `before` or `after` they
            happened, the same `late before` and `late after` a while, as a timeout does, or `None` for nothing odd.
        shown_encryption: How it says that each object is encrypted at rest.
        marked: The keys with a delete marker as their latest version, as a bucket would list it. A write succeeds over
            it, and is later than it.
    """

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.faults: dict[str, list[str | None]] = {}
        self.puts: list[tuple[str, datetime]] = []
        self.blocked: threading.Event | None = None
        self.marked: set[str] = set()
        self._written_over: set[str] = set()
        self.shown_encryption: Encryption | None = None

    def _fail(self, operation: str, moment: str) -> None:
        plan = self.faults.get(operation)
        if not plan or plan[0] not in {moment, f"late {moment}"}:
            return
        if plan.pop(0) == moment:
            raise UnavailableError(f"{operation} failed {moment} it happened")
        time.sleep(_LATE)
        raise UnavailableError(f"{operation} timed out {moment} it happened") from TimeoutError()

    def put(self, key: str, data: bytes, retain_until: datetime) -> None:
        if self.blocked is not None:
            self.blocked.wait()
        self._fail("put", "before")
        self.puts.append((key, retain_until))
        super().put(key, data, retain_until)
        if key in self.marked:
            self.marked.remove(key)
            self._written_over.add(key)
        self._fail("put", "after")

    def versions(self, prefix: str, after: str = "", limit: int | None = None) -> Iterator[StoredVersion]:
        self._fail("versions", "before")
        found = [replace(entry, is_latest=entry.key not in self.marked) for entry in super().versions(prefix, after)]
        entries = [*_markers(self.marked, is_latest=True), *found, *_markers(self._written_over, is_latest=False)]
        wanted = [entry for entry in entries if entry.key.startswith(prefix) and entry.key > after]
        yield from sorted(wanted, key=lambda entry: entry.key)[:limit]

    def versions_of(self, key: str) -> Sequence[StoredVersion]:
        return [entry for entry in self.versions(key) if entry.key == key]

    def read(self, key: str, version_id: str = "") -> bytes:
        self._fail("read", "before")
        return super().read(key, version_id)

    def encryption(self, key: str, version_id: str) -> Encryption | None:
        return self.shown_encryption

    def retention(self, key: str, version_id: str) -> Retention | None:
        self._fail("retention", "before")
        return Retention("COMPLIANCE", datetime(2100, 1, 1, tzinfo=UTC))


def _markers(keys: Iterable[str], *, is_latest: bool) -> list[StoredVersion]:
    return [StoredVersion(key, "m", is_latest, is_delete_marker=True, size=0) for key in keys]


def partition_config(
    *logs: PinnedLog, from_beginning: bool = True, encryption: Encryption | None = None
) -> PartitionConfig:
    return PartitionConfig(TOPIC, 3, logs or (PINNED,), (), DAY, from_beginning, encryption)


def new_metrics() -> tuple[ArchiverMetrics, CollectorRegistry]:
    registry = CollectorRegistry()
    return ArchiverMetrics(registry), registry


def new_archiver(
    vault: DirectoryVault, *logs: PinnedLog, from_beginning: bool = True, encryption: Encryption | None = None
) -> BlockArchiver:
    store_retry = StoreRetry(threading.Event(), lambda _: None)
    config = partition_config(*logs, from_beginning=from_beginning, encryption=encryption)
    return BlockArchiver(config, vault, new_metrics()[0], store_retry)
