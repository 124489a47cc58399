"""A proof that one head of a log is a prefix of a later one, in one text file that shows both signed checkpoints.

auditseal/consistency@v1
old <the older note, in base64>
rotation <a block that announced the next keys, in base64; a line for each>
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=

audit.example.com/audit.events/0/0
…

The lines of hashes are the consistency proof (RFC 6962 section 2.1.2). The newer note follows an empty line, verbatim.
"""

from base64 import b64encode
from dataclasses import dataclass
from itertools import takewhile
from typing import Self

from auditseal_schemas.canonical_base64 import decode_base64
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.merkle import HASH_SIZE, check_consistency
from auditseal_schemas.note import Note
from auditseal_schemas.rotation import Rotation, keys_after
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict

FIRST_LINE = "auditseal/consistency@v1"
_MAX_BYTES = 1 << 20
_MAX_PATH, _MAX_ROTATIONS = 64, 64


@dataclass(frozen=True, slots=True)
class ConsistencyFile:
    """Two signed checkpoints and what connects them; nothing of it is checked.

    Attributes:
        old: The older note.
        path: The consistency proof.
        new: The newer note.
        rotations: The blocks that announced the keys which signed the newer note, in order; none where they are pinned.
    """

    old: Note
    path: tuple[bytes, ...]
    new: Note
    rotations: tuple[Rotation, ...] = ()

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a file strictly.

        Raises:
            MalformedError: It is anything else, or exceeds a limit.
        """
        if len(data) > _MAX_BYTES:
            raise MalformedError("proof", f"it exceeds {_MAX_BYTES} bytes")
        head, separator, checkpoint = data.partition(b"\n\n")
        lines = head.split(b"\n")
        if lines[0] != FIRST_LINE.encode() or not separator or len(lines) < 2 or not lines[1].startswith(b"old "):
            raise MalformedError(
                "proof", f"it is not {FIRST_LINE!r}, a line `old`, hashes, an empty line and a checkpoint"
            )
        old = Note.parse(decode_base64("proof.old", lines[1].removeprefix(b"old ")))
        rotated = list(takewhile(lambda line: line.startswith(b"rotation "), lines[2:]))
        hashes = lines[2 + len(rotated) :]
        if len(hashes) > _MAX_PATH or len(rotated) > _MAX_ROTATIONS:
            raise MalformedError("proof.path", f"it has more than {_MAX_PATH} hashes or {_MAX_ROTATIONS} rotations")
        path = tuple(decode_base64("proof.path", line) for line in hashes)
        if any(len(node) != HASH_SIZE for node in path):
            raise MalformedError("proof.path", f"a hash is not of {HASH_SIZE} bytes")
        rotations = (
            Rotation.parse(decode_base64("proof.rotation", line.removeprefix(b"rotation "))) for line in rotated
        )
        return cls(old, path, Note.parse(checkpoint), tuple(rotations))

    def format(self) -> bytes:
        """Return the file's bytes."""
        lines = [FIRST_LINE.encode(), b"old " + b64encode(self.old.format())]
        lines += [b"rotation " + b64encode(rotation.format()) for rotation in self.rotations]
        lines += map(b64encode, self.path)
        return b"\n".join(lines) + b"\n\n" + self.new.format()

    def check(self, trust: Trust) -> tuple[Checkpoint, Checkpoint]:
        """Check that a pinned log signed both heads and that the older is a prefix of the newer; return them.

        Raises:
            VerificationError: MALFORMED, MISSING_LOG, BAD_ROOT, BAD_KEY or BAD_SIGNATURE.
        """
        old, new = Checkpoint.parse(self.old.text), Checkpoint.parse(self.new.text)
        if old.origin != new.origin:
            raise VerificationError(
                Verdict.BAD_ROOT, "checkpoint.origin", f"one is of {old.origin}, one of {new.origin}"
            )
        pinned = trust.log_of(new.origin)
        earlier = [rotation for rotation in self.rotations if rotation.block.header.height < old.size - 1]
        self.old.check(keys_after(pinned, earlier, old.size - 1))
        self.new.check(keys_after(pinned, self.rotations, new.size - 1))
        check_consistency(old.size, old.root, new.size, new.root, self.path)
        return old, new
