"""Files of encoded events: those that could not be delivered, kept for `republish` and `auditseal emit --encoded`.

Each event is preceded by its length in bytes, 4 bytes big-endian. A file may be cut off or damaged: `read_encoded`
finds the next whole event behind that.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from auditseal_schemas.errors import DecodeError, EventError
from auditseal_schemas.event_codec import EVENT_PREFIXES, MAX_EVENT_BYTES, PREFIX_BYTES, decode_event

_LENGTH_BYTES = 4
_MAGIC = b"\xc3\x01"


class Searchable(Protocol):
    """Bytes, or a file that is mapped into memory."""

    def __len__(self) -> int: ...
    def __getitem__(self, part: slice, /) -> bytes: ...
    def find(self, sought: bytes, start: int, /) -> int:
        """Return where something begins, -1 where it doesn't come."""
        ...


class Piece(NamedTuple):
    """A part of a file: one event, or the bytes up to the next one where there is none.

    Attributes:
        position: Where it begins.
        content: The event's bytes, or the damaged ones.
        problem: What is wrong with them; empty for an event.
    """

    position: int
    content: bytes
    problem: str


def append_encoded(path: str | os.PathLike[str], encoded: bytes) -> None:
    """Append an event to a file, durably: for `on_error`, with `DeliveryError.encoded`.

    Any number of threads and processes may append to one file. A file that doesn't exist is made, for its owner alone.

    Raises:
        OSError: It can't be written; the file is as it was before.
        EventError: There are no bytes, or too many.
    """
    if not 0 < len(encoded) <= MAX_EVENT_BYTES:
        raise EventError("", f"{len(encoded)} bytes can't be an event: 1 to {MAX_EVENT_BYTES} are expected")
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        end = os.fstat(file).st_size
        try:
            _write(file, len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded)
            os.fsync(file)
        except OSError:
            os.ftruncate(file, end)
            raise
    finally:
        os.close(file)


def write_encoded(path: str | os.PathLike[str], events: Iterable[bytes]) -> int:
    """Write events to a new file, for its owner alone, and return their number; all are on disk when this returns.

    Raises:
        OSError: The file exists, or can't be written; what was written of it is removed.
    """
    count = 0
    file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb")
    try:
        with file:
            for encoded in events:
                file.write(len(encoded).to_bytes(_LENGTH_BYTES, "big") + encoded)
                count += 1
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        Path(path).unlink()
        raise
    return count


def read_encoded(data: Searchable) -> Iterator[Piece]:
    """Yield the events of a file in order, and what is damaged between them, so that no byte goes unmentioned."""
    position = 0
    while position < len(data):
        event, problem = _event_at(data, position)
        if event is not None:
            yield Piece(position, event, "")
            position += _LENGTH_BYTES + len(event)
        else:
            following = _next_event(data, position + 1)
            yield Piece(position, data[position:following], problem)
            position = following


def _write(file: int, frame: bytes) -> None:
    left = memoryview(frame)
    while left:
        left = left[os.write(file, left) :]


def _event_at(data: Searchable, position: int) -> tuple[bytes | None, str]:
    """Return the event at a position, or None and what is wrong there."""
    begin = position + _LENGTH_BYTES
    length = int.from_bytes(data[position:begin], "big")
    if data[begin : begin + PREFIX_BYTES] not in EVENT_PREFIXES:
        return None, "there is no event of a known schema"
    if length > MAX_EVENT_BYTES or begin + length > len(data):
        return None, f"the event's {length} bytes are cut off"
    event = data[begin : begin + length]
    try:
        decode_event(event)
    except DecodeError as error:
        return None, str(error)
    return event, ""


def _next_event(data: Searchable, start: int) -> int:
    """Return where the next whole event begins, the end of the data if there is none."""
    magic = data.find(_MAGIC, start + _LENGTH_BYTES)
    while magic >= 0:
        if _event_at(data, magic - _LENGTH_BYTES)[0] is not None:
            return magic - _LENGTH_BYTES
        magic = data.find(_MAGIC, magic + 1)
    return len(data)
