"""Inclusion proofs, checked by the recursion of RFC 6962, section 2.1.1, rather than by RFC 9162's loop."""

from collections.abc import Sequence
from hashlib import sha256

from tests.oracle.reader import need


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf hash is at `index` of a tree of `size` leaves.

    Raises:
        Refused: BAD_ROOT.
    """
    need(0 <= index < size and climb(leaf, index, size, list(proof)) == root, "inclusion proof", "BAD_ROOT")


def climb(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """Return the root that a proof, the nearest sibling first, leads to."""
    if size == 1:
        need(not proof, "inclusion proof", "BAD_ROOT")
        return leaf
    need(proof, "inclusion proof", "BAD_ROOT")
    split, sibling = 1 << (size - 1).bit_length() - 1, proof[-1]
    if index < split:
        return sha256(b"\x01" + climb(leaf, index, split, proof[:-1]) + sibling).digest()
    return sha256(b"\x01" + sibling + climb(leaf, index - split, size - split, proof[:-1])).digest()
