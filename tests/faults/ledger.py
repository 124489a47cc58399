"""The ledger: every event that the brokers acknowledged, in an append-only file that the pipeline never sees.

A line is `acknowledged <partition> <offset> <stream> <sequence> <SHA-256 of the value>`, or `failed <stream>
<sequence> <error>` for an event that was accepted and then refused or given up. The offset is `None` where the broker
acknowledged a repeated request.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from auditseal_producer import DeliveryError, Receipt
from auditseal_schemas.event_parts import Stream


class Entry(NamedTuple):
    """An acknowledged event: its place, as far as it is known, its stream, and its digest in hex."""

    partition: int
    offset: int | None
    stream: str
    sequence: int
    sha256: str


def format_receipt(receipt: Receipt) -> str:
    """Return the line of an acknowledged event."""
    stream = receipt.stream
    return format_entry(Entry(receipt.partition, receipt.offset, stream.id, stream.sequence, receipt.sha256.hex()))


def format_entry(entry: Entry) -> str:
    """Return an entry's line."""
    return f"acknowledged {entry.partition} {entry.offset} {entry.stream} {entry.sequence} {entry.sha256}\n"


def format_failure(stream: Stream, error: DeliveryError) -> str:
    """Return the line of an event that failed."""
    return f"failed {stream.id} {stream.sequence} {error.code}\n"


@dataclass(frozen=True)
class Ledger:
    """What a load generator wrote: acknowledged events, and how many failed."""

    entries: tuple[Entry, ...]
    failed: int = 0

    @classmethod
    def read(cls, *paths: Path) -> Self:
        """Read ledgers as one; a last line that a crash cut off was not acknowledged."""
        entries, failed = [], 0
        for path in paths:
            for words in _lines(path):
                if words[0] == "acknowledged":
                    partition, offset, stream, sequence, digest = words[1:]
                    place = None if offset == "None" else int(offset)
                    entries.append(Entry(int(partition), place, stream, int(sequence), digest))
                else:
                    failed += 1
        return cls(tuple(entries), failed)

    def ends(self) -> dict[int, int]:
        """Return the last acknowledged offset of each partition, as far as it is known."""
        ends: dict[int, int] = {}
        for entry in self.entries:
            if entry.offset is not None:
                ends[entry.partition] = max(entry.offset, ends.get(entry.partition, -1))
        return ends


def _lines(path: Path) -> Iterator[list[str]]:
    for line in path.read_text().splitlines(keepends=True) if path.exists() else ():
        if line.endswith("\n"):
            yield line.split()
