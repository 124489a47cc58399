"""C2SP transparency log proofs, https://c2sp.org/tlog-proof: one entry of a log, proven in one text file.

c2sp.org/tlog-proof@v1
extra AbCd…
index 17
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=

audit.example.com/audit.events/0/0
18
6HmDMaIK9GBU6HsEQCCeoSjaMUAgyC5LYL47t4tPBnM=

— audit.example.com/audit.events/0/0 dyENsxYhk1Yc…
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Self

from auditseal_schemas.canonical_base64 import decode_base64
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.limits import MAX_HEIGHT, MAX_OBJECT_BYTES
from auditseal_schemas.merkle import HASH_SIZE
from auditseal_schemas.note import Note

FIRST_LINE = "c2sp.org/tlog-proof@v1"
MAX_PROOF_BYTES = 2 * MAX_OBJECT_BYTES
"""A proof of the largest record, in base64."""
_MAX_PATH = 63
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,11})", re.ASCII)


@dataclass(frozen=True, slots=True)
class TlogProof:
    """A proof as parsed; nothing of it is checked.

    Attributes:
        index: The entry's index in the log: for our logs the height of a block.
        path: The inclusion proof, the nearest sibling first.
        note: The signed checkpoint of a tree that holds the entry.
        extra: Opaque data of the application, empty for none.
    """

    index: int
    path: tuple[bytes, ...]
    note: Note
    extra: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a proof strictly; there is one spelling of each.

        Raises:
            MalformedError: It is anything else, or exceeds a limit.
        """
        if len(data) > MAX_PROOF_BYTES:
            raise MalformedError("proof", f"it exceeds {MAX_PROOF_BYTES} bytes")
        head, separator, checkpoint = data.partition(b"\n\n")
        try:
            lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise MalformedError("proof", "the lines before the checkpoint are not ASCII") from error
        if lines[0] != FIRST_LINE or not separator:
            raise MalformedError("proof", f"it is not {FIRST_LINE!r}, lines, an empty line and a checkpoint")
        rest, extra = lines[1:], b""
        if rest and rest[0].startswith("extra "):
            extra = decode_base64("proof.extra", rest.pop(0).removeprefix("extra ").encode())
            if not extra:
                raise MalformedError("proof.extra", "it is empty: a proof without extra data has no such line")
        match = _INDEX.fullmatch(rest[0]) if rest else None
        if match is None or int(match[1]) > MAX_HEIGHT:
            raise MalformedError("proof.index", "the line `index`, with a decimal number, is missing")
        if len(rest) - 1 > _MAX_PATH:
            raise MalformedError("proof.path", f"it has more than {_MAX_PATH} hashes")
        path = tuple(_hash(line) for line in rest[1:])
        return cls(int(match[1]), path, Note.parse(checkpoint), extra)

    def format(self) -> bytes:
        """Return the proof's bytes."""
        lines = [FIRST_LINE]
        if self.extra:
            lines.append(f"extra {b64encode(self.extra).decode()}")
        lines.append(f"index {self.index}")
        lines += [b64encode(node).decode() for node in self.path]
        return "\n".join(lines).encode() + b"\n\n" + self.note.format()


def _hash(line: str) -> bytes:
    node = decode_base64("proof.path", line.encode())
    if len(node) != HASH_SIZE:
        raise MalformedError("proof.path", f"a hash has {len(node)} bytes, not {HASH_SIZE}")
    return node
