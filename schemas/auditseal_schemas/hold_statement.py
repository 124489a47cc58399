r"""A statement about a legal hold: the text that a person signs as a C2SP note (docs/reference/holds.md).

>>> text = HoldStatement("CASE-7", 1, bytes(32), Step.ASK, 1_790_000_000).text()
>>> print(text, end="")
auditseal.hold/v1
case CASE-7
number 1
previous AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
step ask-release
at 1790000000
>>> HoldStatement.parse(text).case
'CASE-7'
"""

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from auditseal_schemas.errors import ConfigurationError, MalformedError, quoted
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.origin import Origin

FIRST_LINE = "auditseal.hold/v1"
"""What keeps a statement from being read as a checkpoint, whose first line is a log's origin."""
MOST_LINES_BYTES = 48 << 10
"""Bytes of the blocks' lines in one statement; a note has at most 64 KiB."""
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_CASE = re.compile(_NAME, re.ASCII)
_HEAD = re.compile(
    rf"{re.escape(FIRST_LINE)}\n"
    rf"case (?P<case>{_NAME})\n"
    r"number (?P<number>0|[1-9][0-9]{0,5})\n"
    r"previous (?P<previous>-|[A-Za-z0-9+/]{43}=)\n"
    r"step (?P<step>add|ask-release|approve-release)\n"
    r"at (?P<at>0|[1-9][0-9]{0,11})\n"
    r"(?:log (?P<log>[!-~]{1,255})\n(?P<blocks>(?:block [0-9]{1,12} [!-~]{1,1024}\n)+))?",
    re.ASCII,
)


class Step(StrEnum):
    """What a statement does."""

    ADD = "add"
    """Hold blocks of one log."""
    ASK = "ask-release"
    """Ask to release the case."""
    APPROVE = "approve-release"
    """Approve what another person asked for in the statement before."""


@dataclass(frozen=True, slots=True)
class HeldBlock:
    """A block that is held: its height, and the store's name of the exact version."""

    height: int
    version_id: str

    def __str__(self) -> str:
        return f"block {self.height} {self.version_id}\n"


@dataclass(frozen=True, slots=True)
class HoldStatement:
    """One statement of a case.

    Attributes:
        case: The case.
        number: Its place in the case, from 0 on.
        previous: The SHA-256 of the signed note before it; empty in the first one.
        step: What it does.
        at: When it was signed, in s since the epoch, by the signer's clock.
        origin: The log of the blocks; None without blocks.
        blocks: The blocks that `ADD` holds, by ascending height.
    """

    case: str
    number: int
    previous: bytes
    step: Step
    at: int
    origin: Origin | None = None
    blocks: tuple[HeldBlock, ...] = ()

    def text(self) -> str:
        """Return the text to sign."""
        previous = b64encode(self.previous).decode() or "-"
        head = f"case {self.case}\nnumber {self.number}\nprevious {previous}\nstep {self.step}\nat {self.at}\n"
        log = f"log {self.origin}\n" if self.origin else ""
        return f"{FIRST_LINE}\n{head}{log}{''.join(map(str, self.blocks))}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a statement; it has one spelling only.

        Raises:
            MalformedError: It isn't laid out as a statement, or its blocks don't ascend.
        """
        match = _HEAD.fullmatch(text)
        if not match:
            raise MalformedError("hold", f"{quoted(text)} is not a statement about a hold")
        previous, step = match["previous"], Step(match["step"])
        if (step is Step.ADD) != (match["log"] is not None):
            raise MalformedError("hold", f"a statement {step} {'needs' if step is Step.ADD else 'has no'} blocks")
        statement = cls(
            case=match["case"],
            number=int(match["number"]),
            previous=b"" if previous == "-" else b64decode(previous),
            step=step,
            at=int(match["at"]),
            origin=Origin.parse(match["log"]) if match["log"] else None,
            blocks=tuple(_blocks(match["blocks"] or "")),
        )
        if statement.text() != text:
            raise MalformedError("hold", "the statement is not in its one spelling")
        return statement


def check_case_name(name: str) -> str:
    """Return a case's name.

    Raises:
        ConfigurationError: It can't name a case.
    """
    if not _CASE.fullmatch(name):
        problem = "use 1 to 64 ASCII letters, digits, '.', '_' and '-', with a letter or digit first"
        raise ConfigurationError(f"{quoted(name)} can't name a case: {problem}")
    return name


def in_statements(blocks: Iterable[HeldBlock]) -> Iterator[tuple[HeldBlock, ...]]:
    """Yield the blocks in portions that fit into one statement each."""
    portion, size = list[HeldBlock](), 0
    for block in blocks:
        length = len(str(block))
        if portion and size + length > MOST_LINES_BYTES:
            yield tuple(portion)
            portion, size = [], 0
        portion.append(block)
        size += length
    if portion:
        yield tuple(portion)


def _blocks(lines: str) -> Iterator[HeldBlock]:
    before = -1
    for line in lines.splitlines():
        _, height, version_id = line.split(" ")
        if not before < int(height) <= MAX_HEIGHT:
            raise MalformedError("hold", f"the blocks do not ascend at height {quoted(height)}")
        before = int(height)
        yield HeldBlock(before, version_id)
