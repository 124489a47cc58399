r"""C2SP signed notes, https://c2sp.org/signed-note: a text, an empty line, and signatures by named keys.

A whole note, signed and checked. The seed is that of RFC 8032, section 7.1, test 1:

>>> from auditseal_schemas.key import SigningKey
>>> seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
>>> signer = SigningKey.from_seed(bytes.fromhex(seed))
>>> root = "GWDCsikEyWRxVyBSGYBZkXRixUctQ4myU7qPavN+K9o="
>>> note = sign_note(f"a.example/t/0/0\n1\n{root}\n", "a.example/t/0/0", [signer])
>>> print(note.format().decode(), end="")
a.example/t/0/0
1
GWDCsikEyWRxVyBSGYBZkXRixUctQ4myU7qPavN+K9o=
<BLANKLINE>
— a.example/t/0/0 nr5d3nrXTkjSgodRAMuAoqtx2ezT96/qV0s5CMLfEWNzDOEWW7Mlrw7wJxVMmXr68+Vn+27BqFfZKyYwxW7Zg97+Sw0=

The text ends in a newline. The blob of a signature line is base64: 4 bytes of key id, then the signature.

>>> key = VerifierKey("a.example/t/0/0", signer.public)
>>> str(key)
'a.example/t/0/0+9ebe5dde+AddamAGCsQq31Uv+08lkBzoO4XLz2qYjJa8CGmj3B1Ea'
>>> read = Note.parse(note.format())
>>> read.signatures[0].key_id.hex(), len(read.signatures[0].signature)
('9ebe5dde', 64)
>>> read.check([key])
>>> Note(read.text.replace("1", "2"), read.signatures).check([key])
Traceback (most recent call last):
auditseal_schemas.errors.VerificationError: BAD_SIGNATURE: note: the signature by a.example/t/0/0+9ebe5dde doesn't hold
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from auditseal_schemas.errors import MalformedError, VerificationError, quoted
from auditseal_schemas.key import Signer, VerifierKey
from auditseal_schemas.limits import MAX_NOTE_BYTES, MAX_NOTE_SIGNATURES
from auditseal_schemas.verdict import Verdict

_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_LINE = re.compile(r"— (?P<name>[^\s+]{1,255}) (?P<blob>[A-Za-z0-9+/]{4,8192}={0,2})")


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line: the key's name, its 4-byte id, and what the key's algorithm made."""

    name: str
    key_id: bytes
    signature: bytes

    @classmethod
    def parse(cls, line: str) -> Self:
        """Read a signature line without its newline; one spelling only.

        Raises:
            MalformedError: It isn't `— name base64(key id ‖ signature)`.
        """
        match = _LINE.fullmatch(line)
        if not match:
            raise MalformedError("note", f"{quoted(line)} is not a signature line")
        try:
            blob = b64decode(match["blob"], validate=True)
        except Base64Error as error:
            raise MalformedError("note", f"a signature's base64 is broken: {error}") from error
        if len(blob) < 5 or b64encode(blob).decode() != match["blob"]:
            raise MalformedError("note", "a signature is too short or its base64 not canonical")
        return cls(match["name"], blob[:4], blob[4:])

    def __str__(self) -> str:
        return f"— {self.name} {b64encode(self.key_id + self.signature).decode()}"


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note; that it parsed says nothing yet of its signatures."""

    text: str
    signatures: tuple[NoteSignature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read a note strictly.

        Raises:
            MalformedError: It is too long, not UTF-8, has control characters, or isn't laid out as a note.
        """
        if len(data) > MAX_NOTE_BYTES:
            raise MalformedError("note", f"it exceeds {MAX_NOTE_BYTES} bytes")
        try:
            whole = data.decode("utf-8")
        except UnicodeDecodeError as error:
            raise MalformedError("note", "it is not UTF-8") from error
        if _CONTROL.search(whole):
            raise MalformedError("note", "it has control characters")
        text, _, tail = whole.rpartition("\n\n")
        if not text or not tail.endswith("\n"):
            raise MalformedError("note", "it isn't a text, an empty line and signature lines, each ending in a newline")
        lines = tail[:-1].split("\n")
        if len(lines) > MAX_NOTE_SIGNATURES:
            raise MalformedError("note", f"it has more than {MAX_NOTE_SIGNATURES} signatures")
        return cls(text + "\n", tuple(NoteSignature.parse(line) for line in lines))

    def format(self) -> bytes:
        """Return the note's bytes."""
        return (self.text + "\n" + "".join(f"{signature}\n" for signature in self.signatures)).encode()

    def check(self, keys: Iterable[VerifierKey]) -> None:
        """Check that every one of the keys signed the text; lines of other keys are ignored.

        Raises:
            VerificationError: BAD_SIGNATURE where a key's line is missing, doubled or doesn't hold; BAD_KEY where there
                is no key to check by, so that a note never passes unchecked.
        """
        pinned = tuple(keys)
        if not pinned:
            raise VerificationError(Verdict.BAD_KEY, "note", "there is no key to check it by")
        for key in pinned:
            mine = [line for line in self.signatures if (line.name, line.key_id) == (key.name, key.key_id)]
            if len(mine) != 1:
                problem = f"it has {len(mine)} signatures by {key.short}, not 1"
                raise VerificationError(Verdict.BAD_SIGNATURE, "note", problem)
            key.check(self.text, mine[0].signature)


def sign_note(text: str, name: str, signers: Sequence[Signer]) -> Note:
    """Sign a text in the name of a log with each of the signers, in their order.

    Raises:
        MalformedError: One of them is an ML-DSA-44 key, and the text is not a checkpoint.
    """
    keys = [(VerifierKey.of(name, signer), signer) for signer in signers]
    return Note(text, tuple(NoteSignature(name, key.key_id, key.sign(text, signer)) for key, signer in keys))
