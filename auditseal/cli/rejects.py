"""Where `auditseal emit` and `import` report what they didn't publish: a file of JSON lines, or standard error."""

import codecs
import fcntl
import json
import os
import stat
from base64 import b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

import typer

from auditseal_schemas.errors import ConfigurationError

_PIECE_BYTES = 3 << 14  # a multiple of 3, which base64 needs


class Rejected(NamedTuple):
    """Something that wasn't published.

    Attributes:
        what: `line`, `record`, or `position` of an encoded event.
        number: The line's or the record's number from 1, or the position in bytes.
        name: `text`, or `encoded` for bytes that are written in base64.
        content: Its bytes, in pieces.
    """

    what: str
    number: int
    name: str
    content: Iterable[bytes]


class Rejects(Protocol):
    """Takes what wasn't published."""

    def add(self, rejected: Rejected, reason: str) -> None:
        """Report one."""
        ...

    def close(self) -> None:
        """Report nothing more."""
        ...


class StandardError:
    """Reports on standard error, without the content; `command` is the one that reports."""

    def __init__(self, command: str) -> None:
        self._command = command

    def add(self, rejected: Rejected, reason: str) -> None:
        """Report one, as one line."""
        reason = reason.encode("unicode_escape").decode()
        typer.echo(f"auditseal {self._command}: {rejected.what} {rejected.number}: {reason}", err=True)

    def close(self) -> None:
        """Leave standard error open."""


class RejectsFile:
    """Appends one JSON object for each to a file, and hands it to the operating system at once."""

    def __init__(self, path: Path) -> None:
        """Open the file, or make it for its owner alone.

        Raises:
            OSError: It can't be opened.
        """
        self._file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def add(self, rejected: Rejected, reason: str) -> None:
        """Append one; other processes that append wait meanwhile.

        Raises:
            OSError: The file can't be written.
        """
        pieces = _base64(rejected.content) if rejected.name == "encoded" else _text(rejected.content)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            self._end_line()
            self._write(f'{{"{rejected.what}": {rejected.number}, "reason": {json.dumps(reason)}, "{rejected.name}": "')
            for piece in pieces:
                self._write(piece)
            self._write('"}\n')
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)

    def _end_line(self) -> None:
        """End a line that another run was cut off in."""
        state = os.fstat(self._file)
        if stat.S_ISREG(state.st_mode) and state.st_size and os.pread(self._file, 1, state.st_size - 1) != b"\n":
            self._write("\n")

    def _write(self, text: str) -> None:
        left = memoryview(text.encode())
        while left:
            left = left[os.write(self._file, left) :]


@contextmanager
def open_rejects(path: Path | None, command: str, read: Iterable[tuple[str, os.stat_result]]) -> Iterator[Rejects]:
    """Open the file for rejects, or standard error.

    Args:
        path: The file; None for standard error.
        command: The command that reports.
        read: The names and states of the files that the command reads.

    Raises:
        ConfigurationError: The file for rejects is one of those that are read.
        OSError: It can't be opened.
    """
    if path is None:
        yield StandardError(command)
        return
    for name, state in read:
        _check_apart(path, name, state)
    file = RejectsFile(path)
    try:
        yield file
    finally:
        file.close()


def _check_apart(rejects: Path, name: str, read: os.stat_result) -> None:
    if rejects.exists() and stat.S_ISREG(read.st_mode) and os.path.samestat(rejects.stat(), read):
        raise ConfigurationError(f"--rejects {rejects} is the file that is read as {name}: name another file")


def _text(content: Iterable[bytes]) -> Iterator[str]:
    r"""Yield the inside of a JSON string: bytes that aren't UTF-8 as `\xff`, without the newline at the end."""
    decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
    held = b""
    for piece in _cut(content):
        whole = held + piece
        kept = whole.rstrip(b"\r\n")
        held = whole[len(kept) :]
        yield json.dumps(decoder.decode(kept))[1:-1]
    yield json.dumps(decoder.decode(b"", final=True))[1:-1]


def _base64(content: Iterable[bytes]) -> Iterator[str]:
    return (b64encode(piece).decode() for piece in _cut(content))


def _cut(content: Iterable[bytes]) -> Iterator[bytes]:
    return (piece[at : at + _PIECE_BYTES] for piece in content for at in range(0, len(piece), _PIECE_BYTES))
