"""C2SP checkpoints, https://c2sp.org/tlog-checkpoint: the text by which a log commits to all its headers."""

import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from typing import Self

from auditseal_schemas.errors import MalformedError, quoted
from auditseal_schemas.origin import Origin

_TEXT = re.compile(r"(?P<origin>[^\n]{1,255})\n(?P<size>[1-9][0-9]{0,15})\n(?P<root>[A-Za-z0-9+/]{43}=)\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class TreeHead:
    """The root of the tree of the first `size` entries of any log, which has a name and not always an origin."""

    name: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint's three lines; extension lines are not allowed.

        Raises:
            MalformedError: The text is anything else.
        """
        match = _TEXT.fullmatch(text)
        if not match:
            raise MalformedError("checkpoint", f"{quoted(text)} isn't an origin, a size and a root of 32 bytes")
        head = cls(match["origin"], int(match["size"]), b64decode(match["root"]))
        if head.format() != text:
            raise MalformedError("checkpoint", "its base64 is not canonical")
        return head

    def format(self) -> str:
        """Return the text to be signed."""
        return f"{self.name}\n{self.size}\n{b64encode(self.root).decode()}\n"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The root of the tree of a log's first `size` headers."""

    origin: Origin
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint of a log.

        Raises:
            MalformedError: The text is not a checkpoint, or its first line is not an origin.
        """
        head = TreeHead.parse(text)
        try:
            origin = Origin.parse(head.name)
        except MalformedError as error:
            raise MalformedError("checkpoint", f"its first line is not an origin: {error.problem}") from error
        return cls(origin, head.size, head.root)

    def format(self) -> str:
        """Return the text to be signed."""
        return TreeHead(str(self.origin), self.size, self.root).format()
