"""Remembered heads: the auditor's own anchor outside the vault, one signed note a log in a JSON file.

{"version": 1, "heads": {"<origin>": "<the note of its largest head>"}}
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Self

from auditseal_auditor.finding import Finding
from auditseal_auditor.report import Report
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import AuditsealError, ConfigurationError, VerificationError, quoted
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict

_VERSION = 1
_PATIENCE = 10.0
"""Seconds to wait for another run that writes the file, which takes it some milliseconds."""


@dataclass(frozen=True, slots=True)
class Head:
    """The largest head of a log that was ever verified: its checkpoint, and the note that signs it."""

    checkpoint: Checkpoint
    note: Note

    @classmethod
    def of(cls, note: Note) -> Self:
        """Return the head that a note signs.

        Raises:
            MalformedError: Its text is no checkpoint.
        """
        return cls(Checkpoint.parse(note.text), note)


def read_heads(path: Path) -> dict[Origin, Head]:
    """Return the heads that a state file remembers.

    Raises:
        ConfigurationError: There is no such file, or it is broken. It is the auditor's own memory: without it, or with
            a part of it, a run would notice less and not say so.
        AuditsealError: The file can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        problem = f"there is no state file {path}: is the path right, is its disk mounted? A first run says --state-new"
        raise ConfigurationError(problem) from error
    except (OSError, UnicodeDecodeError) as error:
        raise AuditsealError(f"the state file {path} can't be read: {error}") from error
    try:
        return _parse(json.loads(text))
    except (ValueError, RecursionError, VerificationError) as error:
        problem = f"the state file {path} is broken: {error}; restore it, or begin anew without what it remembered"
        raise ConfigurationError(problem) from error


def remember_heads(path: Path, heads: Mapping[Origin, Head]) -> list[Finding]:
    """Merge heads into a state file, and return the forks between them and what another run wrote there meanwhile.

    Of each log the larger head stays, so that no run takes another's back. Of two heads of one size with different
    roots the file's stays, and the finding has both. After a crash the file is the old one or the new one, whole.

    Raises:
        ConfigurationError: The file is broken.
        AuditsealError: The file can't be read or written, or another run keeps it locked.
    """
    try:
        with _locked(path):
            known = read_heads(path) if path.exists() else {}
            _write(path, merge_heads(known, heads))
    except OSError as error:
        raise AuditsealError(f"the state file {path} can't be written: {error}") from error
    return [_fork(known[origin], heads[origin]) for origin in _forked(known, heads)]


def merge_heads(known: Mapping[Origin, Head], heads: Mapping[Origin, Head]) -> dict[Origin, Head]:
    """Return the larger head of each log; of two of one size the known one."""
    larger = {
        origin: head
        for origin, head in heads.items()
        if origin not in known or known[origin].checkpoint.size < head.checkpoint.size
    }
    return {**known, **larger}


def heads_after(heads: Mapping[Origin, Head], report: Report) -> dict[Origin, Head]:
    """Return the heads to remember after a run: the new one of each log that nothing is wrong with.

    A log that is shorter than its remembered head isn't clean, so no head ever gets smaller.
    """
    remembered = dict(heads)
    for log in report.logs:
        if log.is_clean and log.head:
            remembered[log.origin] = Head.of(log.head)
    return remembered


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a state file: on a file beside it that stays, as the state file itself is replaced."""
    with path.with_name(f"{path.name}.lock").open("ab") as file:
        deadline = monotonic() + _PATIENCE
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if monotonic() > deadline:
                    raise AuditsealError(f"another run has held {file.name} locked for {_PATIENCE:.0f} s") from error
                sleep(0.05)
        yield


def _write(path: Path, heads: Mapping[Origin, Head]) -> None:
    notes = {str(origin): head.note.format().decode() for origin, head in sorted(heads.items(), key=str)}
    text = json.dumps({"version": _VERSION, "heads": notes}, ensure_ascii=False, indent=1) + "\n"
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)


def _forked(known: Mapping[Origin, Head], heads: Mapping[Origin, Head]) -> list[Origin]:
    """Return the logs of which two heads of one size have different roots."""
    both = [(origin, known[origin].checkpoint, heads[origin].checkpoint) for origin in known.keys() & heads.keys()]
    return sorted((origin for origin, old, new in both if old.size == new.size and old.root != new.root), key=str)


def _fork(known: Head, head: Head) -> Finding:
    size, origin = known.checkpoint.size, known.checkpoint.origin
    return Finding(
        verdict=Verdict.FORK,
        origin=origin,
        height=size - 1,
        field="checkpoint.root",
        detail=f"another run, at the same time as this one, verified {size} other blocks: there are two histories",
        object=origin.block_key(size - 1),
        evidence=(known.note.format().decode(), head.note.format().decode()),
    )


def _parse(state: object) -> dict[Origin, Head]:
    match state:
        case {"version": 1, "heads": dict(notes), **rest} if not rest:
            return dict(_parse_head(origin, note) for origin, note in notes.items())
    raise ValueError('it is no {"version": 1, "heads": {origin: note}}')


def _parse_head(name: str, text: object) -> tuple[Origin, Head]:
    if not isinstance(text, str):
        raise ValueError(f"the head of {quoted(name)} is no text")  # noqa: TRY004  (the file is at fault, not a caller)
    origin, head = Origin.parse(name), Head.of(Note.parse(text.encode()))
    if head.checkpoint.origin != origin:
        raise ValueError(f"under {origin} stands a head of {head.checkpoint.origin}")
    return origin, head
