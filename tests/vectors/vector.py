"""A golden vault with what must be found in it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from auditseal_schemas.origin import Origin


class Finding(NamedTuple):
    """What must be found, and where; None where the finding is not about one block, record or field."""

    verdict: str
    origin: str
    height: int | None = None
    field: str | None = None
    offset: int | None = None


@dataclass(frozen=True)
class Lock:
    """What the store says of a version's lock."""

    mode: str
    retain_until: str


Pieces = tuple[tuple[bytes, int], ...]
"""Bytes, each part so many times: how a long content is kept short."""


@dataclass(frozen=True)
class Version:
    """One version of an object.

    Attributes:
        content: Its bytes; None for a delete marker and for an object without content.
        version_id: The store's name of the version.
        lock: Its lock.
        pieces: The parts of a content that is long.
        is_unreadable: The store lists it and has no content for it; in a directory it is not a regular file.
    """

    content: bytes | None
    version_id: str = ""
    lock: Lock | None = None
    pieces: Pieces = ()
    is_unreadable: bool = False


Objects = dict[str, tuple[Version, ...]]


@dataclass(frozen=True)
class Vector:
    """One golden vault.

    Attributes:
        name: Lower case, joined by hyphens.
        about: What was done and by whom.
        trust: The trust file.
        objects: Every version of every object.
        findings: What a full check must find; nothing else. Empty: OK.
        quick: What a quick check must find, where that is something else.
        has_store: The versions and locks are part of the vector, to be checked.
        remembered: Checkpoints that the auditor has from earlier, as signed notes.
        newest_after: The last `sealed_at` of every log must not be before this time (µs), or the log is STALE.
        trust_error: The trust file itself must be refused.
        trust_comments: So many lines of `#` follow the trust file's text.
    """

    name: str
    about: str
    trust: str
    objects: Objects
    findings: tuple[Finding, ...] = ()
    quick: tuple[Finding, ...] | None = None
    has_store: bool = False
    remembered: tuple[str, ...] = ()
    newest_after: int | None = None
    trust_error: bool = False
    trust_comments: int = 0


def plain_objects(contents: dict[str, bytes]) -> Objects:
    return {key: (Version(content),) for key, content in sorted(contents.items())}


def finding(verdict: str, origin: Origin, *rest: Any) -> Finding:
    return Finding(verdict, str(origin), *rest)
