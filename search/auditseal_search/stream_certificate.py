"""The completeness certificate: a signed note over the states of all streams and the heads of all logs.

    index.example.com/streams
    as_of 2026-11-28T12:00:00.000Z
    settle 1800
    log audit.example.com/audit.events/0/0 128 jPhTc2cQ...=
    expect "billing" 300
    COMPLETE 3
    ...
    SILENT 1
    list 2 d0b3a1...

The list is a file of its own, one line of JSON for each stream and then one for each silent service. The last line of
the note has its number of lines and its SHA-256. So everyone who has the vault can make list and note again.
"""

import json
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from auditseal_schemas.errors import EventError, MalformedError
from auditseal_schemas.event_time import format_milliseconds, parse_milliseconds
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.note import Note, sign_note
from auditseal_search.log_tail import LogHead
from auditseal_search.stream_report import StreamReport, json_line
from auditseal_search.stream_state import Judgement, State

_FOLDER = "/streams"
_LOG = re.compile(r"log (\S+) (0|[1-9][0-9]{0,14}) (\S+)")
_EXPECT = re.compile(r'expect (".*") ([1-9][0-9]{0,9})')


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a certificate says.

    Attributes:
        name: The name of the key that signs it.
        rules: The rules by which the streams were looked at.
        heads: How much of each log was read.
        schemas: The trust file's lines about schemas of a registry, by which records were read as events.
        counts: How many streams have each state, by the most serious one of each; silent services for SILENT.
        lines: How many lines the list has.
        digest: The SHA-256 of the list.
    """

    name: str
    rules: Judgement
    heads: tuple[LogHead, ...]
    schemas: tuple[str, ...]
    counts: Mapping[State, int]
    lines: int
    digest: str

    @property
    def text(self) -> str:
        """The text that is signed."""
        expected = sorted(self.rules.expected.items())
        return "".join(
            f"{line}\n"
            for line in (
                self.name + _FOLDER,
                f"as_of {format_milliseconds(self.rules.as_of)}",
                f"settle {self.rules.settle // 1000}",
                *(f"log {head.origin} {head.size} {b64encode(head.root).decode()}" for head in self.heads),
                *self.schemas,
                *(f"expect {json.dumps(service)} {bound // 1000}" for service, bound in expected),
                *(f"{state} {self.counts[state]}" for state in State),
                f"list {self.lines} {self.digest}",
            )
        )

    def sign(self, signer: Signer) -> Note:
        """Return the certificate as a signed note."""
        return sign_note(self.text, self.name, [signer])


@dataclass(frozen=True, slots=True)
class Request:
    """What a certificate asks to be made again: its rules, and the size of each log."""

    rules: Judgement
    sizes: Mapping[str, int]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what is needed to make a certificate again; the rest is compared with what is made.

        Raises:
            MalformedError: The text isn't that of a certificate.
        """
        _, _, rest = text.partition("\n")
        lines = rest.split("\n")
        try:
            as_of = parse_milliseconds("as_of", lines[0].removeprefix("as_of "))
            settle = int(lines[1].removeprefix("settle ")) * 1000
        except (EventError, ValueError, IndexError) as error:
            raise MalformedError("certificate", f"its time or its settle line is broken: {error}") from error
        logs = [found for line in lines if (found := _LOG.fullmatch(line))]
        expected = [found for line in lines if (found := _EXPECT.fullmatch(line))]
        try:
            services = {json.loads(found[1]): int(found[2]) * 1000 for found in expected}
        except ValueError as error:
            raise MalformedError("certificate", f"an expect line is broken: {error}") from error
        return cls(Judgement(as_of, settle, services), {found[1]: int(found[2]) for found in logs})


class StreamList:
    """The lines of a list while they are made; any number of them, none kept.

    Attributes:
        count: How many were made.
    """

    def __init__(self) -> None:
        self.count = 0
        self._hash = sha256()

    @property
    def digest(self) -> str:
        """The SHA-256 of all lines so far, in hexadecimal."""
        return self._hash.hexdigest()

    def lines(self, report: StreamReport, rules: Judgement) -> Iterator[str]:
        """Yield each line of the list, with its newline."""
        for state in report.states(rules):
            yield self._take(json_line(state))
        for silent in report.silent:
            line = {"service": silent.service, "states": [str(State.SILENT)], "last_at": silent.last_at}
            yield self._take(json.dumps(line, separators=(",", ":")))

    def _take(self, line: str) -> str:
        self.count += 1
        self._hash.update(f"{line}\n".encode())
        return f"{line}\n"


def certificate_name(note: Note) -> str:
    """Return the name of the key that a certificate claims to be signed by.

    Raises:
        MalformedError: It isn't a certificate.
    """
    name, _, _ = note.text.partition("\n")
    if not name.endswith(_FOLDER):
        raise MalformedError("certificate", f"its first line doesn't end in {_FOLDER}")
    return name.removesuffix(_FOLDER)


def check_certificate(note: Note, key: VerifierKey, made: Certificate) -> str | None:
    """Return the first line in which a certificate differs from the one made again, None where it is the same.

    Raises:
        VerificationError: The key didn't sign it.
    """
    note.check([key])
    if note.text == made.text:
        return None
    theirs, ours = note.text.split("\n"), made.text.split("\n")
    for given, found in zip(theirs, ours, strict=False):
        if given != found:
            return f"it says {given!r}, the vault {found!r}"
    return f"it has {len(theirs)} lines, the vault makes {len(ours)}"
