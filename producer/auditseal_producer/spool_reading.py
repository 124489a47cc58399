"""What a spool holds, for operators: read next to a running producer, and from a damaged file as far as it goes."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from auditseal_producer.errors import SpoolCorruptedError
from auditseal_producer.spool_database import (
    SpooledEvent,
    connect_to_read,
    explain_sqlite,
    read_event,
    read_events,
    read_stream,
)
from auditseal_producer.spool_lock import find_holder, read_mark
from auditseal_schemas.event_codec import decode_event


class SpoolStatus(NamedTuple):
    """What a spool holds.

    Attributes:
        events: Events that the brokers haven't acknowledged.
        bytes: Their encoded size.
        oldest: The first one's `occurred_at`, None where there isn't one.
        stream_id: The spool's stream.
        accepted: How many events of that stream were accepted so far.
        holder: The process whose producer uses the spool, None where there isn't one.
        file_bytes: The size of the spool's files.
    """

    events: int
    bytes: int
    oldest: datetime | None
    stream_id: str
    accepted: int
    holder: int | None
    file_bytes: int


class Damage(NamedTuple):
    """A position whose event can't be read, and why."""

    position: int
    problem: str


def read_status(path: Path) -> SpoolStatus:
    """Return what a spool holds, each event checked.

    Raises:
        SpoolCorruptedError: The file is damaged, or isn't a spool.
        SpoolError: It can't be read.
    """
    events = size = 0
    oldest: datetime | None = None
    with explain_sqlite(path), closing(connect_to_read(path)) as connection:
        stream = read_stream(path, connection)
        for _, event in read_events(path, connection, 0):
            oldest = oldest or decode_event(event.encoded).occurred_at
            events += 1
            size += len(event.encoded)
        files = [Path(f"{path}{ending}") for ending in ("", "-wal")]
        file_bytes = sum(file.stat().st_size for file in files if file.exists())
    return SpoolStatus(events, size, oldest, stream.id, stream.sequence, find_holder(path), file_bytes)


def salvage(path: Path) -> Iterator[SpooledEvent | Damage]:
    """Yield the events of a spool in order, and each position of a damaged spool that can't be read.

    Raises:
        SpoolCorruptedError: Nothing can be read: the file isn't a spool, or its beginning is damaged.
        SpoolError: It can't be read.
    """
    with explain_sqlite(path), closing(connect_to_read(path)) as connection:
        end = max(read_stream(path, connection).position, read_mark(path))
        following = 1
        try:
            for spooled in read_events(path, connection, 0):
                yield spooled
                following = spooled.position + 1
            following = end
        except (SpoolCorruptedError, sqlite3.DatabaseError):
            pass  # the positions from here on are read one by one
        for each in range(following, end):
            try:
                found = read_event(path, connection, each)
            except (SpoolCorruptedError, sqlite3.DatabaseError) as error:
                yield Damage(each, str(error))
            else:
                if found is not None:
                    yield found
