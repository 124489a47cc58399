"""Remembered heads: the auditor's own anchor outside the vault, one signed note a log in a JSON file.

{"version": 1, "heads": {"<origin>": "<the note of its largest head>"}}
"""

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from auditseal_auditor.report import Report
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import AuditsealError, ConfigurationError, VerificationError, quoted
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin

_VERSION = 1


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
    """Return the heads that a state file remembers; none where there is no file yet.

    Raises:
        ConfigurationError: The file is broken. It is the auditor's own memory, so nothing of it is passed over.
        AuditsealError: The file can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise AuditsealError(f"the state file {path} can't be read: {error}") from error
    try:
        return _parse(json.loads(text))
    except (ValueError, RecursionError, VerificationError) as error:
        problem = f"the state file {path} is broken: {error}; restore it, or begin anew without what it remembered"
        raise ConfigurationError(problem) from error


def write_heads(path: Path, heads: Mapping[Origin, Head]) -> None:
    """Replace a state file: after a crash it is the old one or the new one, whole.

    Raises:
        AuditsealError: The file can't be written.
    """
    notes = {str(origin): head.note.format().decode() for origin, head in sorted(heads.items(), key=str)}
    text = json.dumps({"version": _VERSION, "heads": notes}, ensure_ascii=False, indent=1) + "\n"
    try:
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, delete=False) as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    except OSError as error:
        raise AuditsealError(f"the state file {path} can't be written: {error}") from error


def heads_after(heads: Mapping[Origin, Head], report: Report) -> dict[Origin, Head]:
    """Return the heads to remember after a run: the new one of each log that nothing is wrong with.

    A log that is shorter than its remembered head isn't clean, so no head ever gets smaller.
    """
    remembered = dict(heads)
    for log in report.logs:
        if log.is_clean and log.head:
            remembered[log.origin] = Head.of(log.head)
    return remembered


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
