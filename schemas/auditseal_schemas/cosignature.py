"""C2SP ML-DSA-44 cosignatures, https://c2sp.org/tlog-cosignature: what such a key signs of a checkpoint.

It doesn't sign the note's text but a structure with the same content and the signer's name, so that a signature can't
be moved to another name. The time is 0 in the signatures that auditseal makes: C2SP allows that where the signature
says nothing of the time at which the tree was the largest one. The header has the time, as `sealed_at`.
"""

from dataclasses import dataclass
from typing import Self

from auditseal_schemas.checkpoint import TreeHead
from auditseal_schemas.errors import MalformedError

SIGNATURE_BYTES = 2_420
_LABEL = b"subtree/v1\n\x00"
_MAX_TIME = 2**63 - 1
_MAX_NAME_BYTES = 255


@dataclass(frozen=True, slots=True)
class TimestampedSignature:
    """A signature and the time that it covers, in seconds since the epoch; 0 says nothing of the time."""

    time: int
    signature: bytes

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read `u64 time ‖ signature`.

        Raises:
            MalformedError: The length is wrong, or the time exceeds 2^63 - 1.
        """
        time = int.from_bytes(data[:8])
        if len(data) != 8 + SIGNATURE_BYTES or time > _MAX_TIME:
            raise MalformedError("note", f"an ML-DSA-44 signature is a time and {SIGNATURE_BYTES} bytes")
        return cls(time, data[8:])

    def format(self) -> bytes:
        """Return the bytes."""
        return self.time.to_bytes(8) + self.signature


def cosigned_message(signer: str, time: int, text: str) -> bytes:
    """Return what an ML-DSA-44 key signs of a checkpoint: C2SP's `cosigned_message`, from leaf 0 on.

    Args:
        signer: The key's name.
        time: Seconds since the epoch, or 0.
        text: The note's text.

    Raises:
        MalformedError: The text is not a checkpoint, or a name has more than 255 bytes.
    """
    head = TreeHead.parse(text)
    tree = (0).to_bytes(8) + head.size.to_bytes(8) + head.root
    return _LABEL + _counted(signer) + time.to_bytes(8) + _counted(head.name) + tree


def _counted(name: str) -> bytes:
    data = name.encode()
    if len(data) > _MAX_NAME_BYTES:
        raise MalformedError("checkpoint", f"a name of {len(data)} bytes can't be signed by ML-DSA-44: 255 is the most")
    return bytes((len(data),)) + data
