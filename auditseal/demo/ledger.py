"""The recorded events compared with the sealed ones: every event once, unchanged."""

import json
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Self

from auditseal_schemas.block import Block
from auditseal_schemas.origin import Origin
from auditseal_vault.interface import VaultReader
from auditseal_vault.log_reader import LogReader


@dataclass(frozen=True, slots=True)
class Ledger:
    """The events that the services recorded, by partition, offset and SHA-256 of the value."""

    events: frozenset[tuple[int, int, str]]

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read the services' JSON lines."""
        with path.open(encoding="utf-8") as lines:
            return cls(frozenset(cls._event(line) for line in lines))

    @staticmethod
    def _event(line: str) -> tuple[int, int, str]:
        fields = json.loads(line)
        return fields["partition"], fields["offset"], fields["sha256"]

    def last_offset(self, partition: int) -> int:
        """Return the highest offset of a partition, -1 without events."""
        return max((offset for number, offset, _ in self.events if number == partition), default=-1)

    def differences(self, reader: VaultReader, origins: list[Origin]) -> tuple[int, int, int]:
        """Return how many events are missing from a vault, sealed more than once, and sealed but never recorded."""
        sealed = Counter(event for origin in origins for event in _sealed(reader, origin))
        twice = sum(1 for count in sealed.values() if count > 1)
        return len(self.events - sealed.keys()), twice, len(sealed.keys() - self.events)


def _sealed(reader: VaultReader, origin: Origin) -> list[tuple[int, int, str]]:
    return [
        (origin.partition, record.offset, sha256(record.value or b"").hexdigest())
        for stored in reader.versions(origin.blocks_prefix)
        for record in Block.parse(reader.read(stored.key, stored.version_id)).records()
    ]


def archived_offset(reader: VaultReader, origin: Origin) -> int:
    """Return the last offset that a log's blocks in the vault account for, -1 without blocks."""
    head = LogReader(reader, origin).head()
    return Block.parse(head.data).header.last_offset if head else -1
