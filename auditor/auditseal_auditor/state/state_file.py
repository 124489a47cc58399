"""The state file: an auditor's memory outside the vault, which several runs may share.

{"version": 2, "logs": {"<origin>": {
  "head": "<the note of its largest head>",
  "resume": {"header": "<base64>", "frontier": ["<base64>", …], "keys": ["<verifier key>", …], "conditions": "<hex>",
             "quick": false},
  "scrub": {"frontier": ["<base64>", …], "size": 1200, "keys": ["<verifier key>", …], "quick": false,
            "began_at": 1764306000000000, "ended_at": null}}}}

`resume` and `scrub` may be null. The frontier of `resume` is that of the tree before the head's block; with the header
it leads to the root that the note signs. Version 1 has the notes alone:

{"version": 1, "heads": {"<origin>": "<note>"}}
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from auditseal_auditor.findings import Finding
from auditseal_auditor.state.heads import Head, Resume, Scrub, forks_between, merge_heads
from auditseal_auditor.state.shared_file import SharedFile
from auditseal_schemas.block import Block
from auditseal_schemas.errors import ConfigurationError, VerificationError, quoted
from auditseal_schemas.expected import Expected
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.merkle import Frontier, leaf_hash
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verification import SIGNED, verify

_SHAPE = 'it is not a {"version": 2, "logs": {origin: {"head", "resume", "scrub"}}}'


def begin_heads(path: Path) -> dict[Origin, Head]:
    """Return the empty memory of a first run. No later run can pass for it.

    Raises:
        ConfigurationError: The file exists already, or the path can't be a state file's.
    """
    if SharedFile.at(path).exists():
        raise ConfigurationError(f"the state file {path} exists, and --state-new is for a first run: leave it out")
    return {}


def read_heads(path: Path) -> dict[Origin, Head]:
    """Return the heads that a state file remembers.

    Raises:
        ConfigurationError: There is no such file, or it is broken. Without the whole memory a run would notice less
            and not say so.
        StateFileError: The file can't be read.
    """
    return _read(SharedFile.at(path))


def remember_heads(path: Path, heads: Mapping[Origin, Head]) -> list[Finding]:
    """Merge heads into a state file, and return the forks between them and the heads that another run wrote meanwhile.

    The larger head of each log is kept, so that no run undoes another. Of two heads of one size with different roots
    the file's is kept, and the finding has both. After a crash the file is the old one or the new one, whole.

    Raises:
        ConfigurationError: The file is broken.
        StateFileError: The file can't be read or written, or another run keeps it locked.
    """
    file = SharedFile.at(path)
    with file.locked():
        known = _read(file) if file.exists() else {}
        file.replace(format_heads(merge_heads(known, heads)))
    return forks_between(known, heads)


def _read(file: SharedFile) -> dict[Origin, Head]:
    try:
        return parse_heads(file.read())
    except FileNotFoundError as error:
        problem = f"the state file {file.path} doesn't exist: is the path right, is its disk mounted?"
        raise ConfigurationError(f"{problem} A first run says --state-new") from error
    except (ValueError, RecursionError, VerificationError) as error:
        problem = f"the state file {file.path} is broken: {error}; restore it, or begin a new one with --state-new"
        raise ConfigurationError(problem) from error


def format_heads(heads: Mapping[Origin, Head]) -> str:
    """Return the text of a state file, with the logs in order of their names."""
    logs = {str(origin): _head_to_json(heads[origin]) for origin in sorted(heads, key=str)}
    return json.dumps({"version": 2, "logs": logs}, ensure_ascii=False, indent=1) + "\n"


def parse_heads(text: str) -> dict[Origin, Head]:
    """Read the text of a state file strictly.

    Raises:
        ValueError: It is not JSON of this form, or not consistent.
        VerificationError: A note, key, header or frontier in it is not valid.
        RecursionError: It is nested too deeply.
    """
    match json.loads(text, object_pairs_hook=_unique):
        case {"version": 1, "heads": dict(notes), **rest} if not rest:
            return dict(
                _parse_head(name, {"head": note, "resume": None, "scrub": None}) for name, note in notes.items()
            )
        case {"version": 2, "logs": dict(logs), **rest} if not rest:
            return dict(_parse_head(name, log) for name, log in logs.items())
    raise ValueError(_SHAPE)


def _head_to_json(head: Head) -> dict[str, Any]:
    resume, scrub = head.resume, head.scrub
    return {
        "head": head.note.format().decode(),
        "resume": resume
        and {
            "header": b64encode(resume.block.header.format()).decode(),
            "frontier": _hashes_to_json(resume.block.frontier),
            "keys": list(map(str, resume.keys)),
            "conditions": resume.conditions,
            "quick": resume.quick,
        },
        "scrub": scrub
        and {
            "frontier": _hashes_to_json(scrub.frontier) if scrub.frontier else None,
            "size": scrub.frontier.size if scrub.frontier else 0,
            "keys": list(map(str, scrub.keys)),
            "quick": scrub.quick,
            "began_at": scrub.began_at,
            "ended_at": scrub.ended_at,
        },
    }


def _hashes_to_json(frontier: Frontier) -> list[str]:
    return [b64encode(node).decode() for node in frontier.hashes]


def _parse_head(name: str, value: object) -> tuple[Origin, Head]:
    match value:
        case {"head": str(text), "resume": resume, "scrub": scrub, **rest} if not rest:
            origin, head = Origin.parse(name), Head.of(Note.parse(text.encode()))
        case _:
            raise ValueError(f"the entry of {quoted(name)} is not a head")
    if head.checkpoint.origin != origin:
        raise ValueError(f"the head under {origin} is one of {head.checkpoint.origin}")
    return origin, Head(head.checkpoint, head.note, _parse_resume(head, resume), _parse_scrub(origin, scrub))


def _parse_resume(head: Head, value: object) -> Resume | None:
    match value:
        case None:
            return None
        case {
            "header": str(header),
            "frontier": list(hashes),
            "keys": [_, *_] as keys,
            "conditions": str(conditions),
            "quick": bool(quick),
            **rest,
        } if not rest:
            data = b64decode(header, validate=True)
            frontier = _parse_frontier(head.checkpoint.size - 1, hashes)
            block = Block(Header.parse(data), leaf_hash(data), frontier, head.note, b"", ())
            resume = Resume(block, _parse_keys(keys), conditions, quick)
            verify(block, SIGNED, Expected.of(block.header, resume.keys))
            return resume
    raise ValueError(f"`resume` of {head.checkpoint.origin} has another form")


def _parse_scrub(origin: Origin, value: object) -> Scrub | None:
    match value:
        case None:
            return None
        case {
            "frontier": list() | None as hashes,
            "size": int(size),
            "keys": list(keys),
            "quick": bool(quick),
            "began_at": int(began_at),
            "ended_at": int() | None as ended_at,
            **rest,
        } if not rest and (hashes is None) == (not keys) == (size == 0):
            frontier = None if hashes is None else _parse_frontier(size, hashes)
            return Scrub(frontier, _parse_keys(keys), quick, began_at, ended_at)
    raise ValueError(f"`scrub` of {origin} has another form")


def _parse_frontier(size: int, hashes: list[object]) -> Frontier:
    return Frontier(size, tuple(b64decode(_text(node), validate=True) for node in hashes))


def _parse_keys(keys: list[object]) -> tuple[VerifierKey, ...]:
    return tuple(VerifierKey.parse(_text(key)) for key in keys)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{quoted(str(value))} is not text")  # noqa: TRY004  (the file is at fault, not a caller)
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return a JSON object, in which no name may occur twice: a second one would hide the first."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name occurs twice in one of its objects")
    return found
