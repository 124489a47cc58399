"""The state file: an auditor's memory outside the vault, a JSON file with one signed note a log.

Several runs may share it.

{"version": 1, "heads": {"<origin>": "<the note of its largest head>"}}
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from auditseal_auditor.errors import StateFileError
from auditseal_auditor.findings import Finding
from auditseal_auditor.heads import Head, forks_between, merge_heads
from auditseal_schemas.errors import ConfigurationError, VerificationError, quoted
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin

_VERSION = 1
_LOCK_SECONDS = 10.0
"""Seconds to wait while another run writes the file, which takes some milliseconds."""


def read_heads(path: Path) -> dict[Origin, Head]:
    """Return the heads that a state file remembers.

    Raises:
        ConfigurationError: There is no such file, or it is broken. Without the whole memory a run would notice less
            and not say so.
        StateFileError: The file can't be read.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        problem = f"there is no state file {path}: is the path right, is its disk mounted? A first run says --state-new"
        raise ConfigurationError(problem) from error
    except (OSError, UnicodeDecodeError) as error:
        raise StateFileError(f"the state file {path} can't be read: {error}") from error
    try:
        return _parse(json.loads(text))
    except (ValueError, RecursionError, VerificationError) as error:
        problem = f"the state file {path} is broken: {error}; restore it, or begin anew without what it remembered"
        raise ConfigurationError(problem) from error


def remember_heads(path: Path, heads: Mapping[Origin, Head]) -> list[Finding]:
    """Merge heads into a state file, and return the forks between them and the heads that another run wrote meanwhile.

    The larger head of each log is kept, so that no run undoes another. Of two heads of one size with different roots
    the file's is kept, and the finding has both. After a crash the file is the old one or the new one, whole.

    Raises:
        ConfigurationError: The file is broken.
        StateFileError: The file can't be read or written, or another run keeps it locked.
    """
    try:
        with _locked(path):
            known = read_heads(path) if path.exists() else {}
            _write(path, merge_heads(known, heads))
    except OSError as error:
        raise StateFileError(f"the state file {path} can't be written: {error}") from error
    return forks_between(known, heads)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock of a state file: on a second file that stays, since the state file itself is replaced."""
    with path.with_name(f"{path.name}.lock").open("ab") as file:
        deadline = monotonic() + _LOCK_SECONDS
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if monotonic() > deadline:
                    raise StateFileError(
                        f"another run has held {file.name} locked for {_LOCK_SECONDS:.0f} s"
                    ) from error
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


def _parse(state: object) -> dict[Origin, Head]:
    match state:
        case {"version": 1, "heads": dict(notes), **rest} if not rest:
            return dict(_parse_head(origin, note) for origin, note in notes.items())
    raise ValueError('it is not a {"version": 1, "heads": {origin: note}}')


def _parse_head(name: str, text: object) -> tuple[Origin, Head]:
    if not isinstance(text, str):
        raise ValueError(f"the head of {quoted(name)} is not text")  # noqa: TRY004  (the file is at fault, not a caller)
    origin, head = Origin.parse(name), Head.of(Note.parse(text.encode()))
    if head.checkpoint.origin != origin:
        raise ValueError(f"the head under {origin} is one of {head.checkpoint.origin}")
    return origin, head
