"""RFC 6962 Merkle trees: roots, inclusion and consistency proofs, and the frontier that a growing tree is carried by.

A hash is 32 bytes of SHA-256; a proof is a list of hashes, the nearest sibling first. Leaves are passed as leaf hashes.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.verdict import Verdict

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()
_begin_node = sha256(b"\x01").copy  # a copy takes less time than another object and a joined text


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf's data (RFC 6962 section 2.1)."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an interior node (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def tree_root(leaves: Sequence[bytes]) -> bytes:
    """Return the Merkle tree hash of leaf hashes; SHA-256 of nothing for no leaves.

    Going up level by level and carrying an odd last node up unchanged splits every subtree at the largest power of two,
    as RFC 6962 section 2.1 defines; nothing is duplicated (CVE-2012-2459).
    """
    if not leaves:
        return EMPTY_ROOT
    level = list(leaves)
    while len(level) > 1:
        parents = []
        for left, right in zip(level[::2], level[1::2], strict=False):
            node = _begin_node()
            node.update(left)
            node.update(right)
            parents.append(node.digest())
        if len(level) % 2:
            parents.append(level[-1])
        level = parents
    return level[0]


RangeRoot = Callable[[int, int], bytes]
"""Returns the root over the leaves from one index up to, and without, another."""


def inclusion_proof(leaves: Sequence[bytes], index: int) -> list[bytes]:
    """Return the audit path of a leaf (RFC 6962 section 2.1.1).

    Raises:
        IndexError: There is no such leaf.
    """
    if not 0 <= index < len(leaves):
        raise IndexError(f"no leaf {index} in a tree of {len(leaves)}")
    return _path(index, 0, len(leaves), lambda start, end: tree_root(leaves[start:end]))


def _path(index: int, start: int, end: int, root: RangeRoot) -> list[bytes]:
    """PATH of RFC 6962, for the leaves from `start` to `end`."""
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(index, start, middle, root), root(middle, end)]
    return [*_path(index, middle, end, root), root(start, middle)]


def inclusion_path(index: int, size: int, root: RangeRoot) -> list[bytes]:
    """Return the same proof for a tree of `size` leaves, of which only the roots over some ranges are at hand.

    Raises:
        IndexError: There is no such leaf.
    """
    if not 0 <= index < size:
        raise IndexError(f"no leaf {index} in a tree of {size}")
    return _path(index, 0, size, root)


def path_length(index: int, size: int) -> int:
    """Return how many hashes the inclusion proof of a leaf has."""
    length = 0
    while size > 1:
        middle, length = _split(size), length + 1
        index, size = (index, middle) if index < middle else (index - middle, size - middle)
    return length


def join_depth(index: int, size: int) -> int:
    """Return how many hashes the inclusion proofs of the leaves `index` - 1 and `index` have in common, at their end.

    Args:
        index: A leaf's index, from 1.
        size: The leaves of the tree.
    """
    depth = 0
    while index != (middle := _split(size)):
        depth += 1
        index, size = (index, middle) if index < middle else (index - middle, size - middle)
    return depth


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return the proof that the tree of the first `old_size` leaves is a prefix (RFC 6962 section 2.1.2).

    Raises:
        IndexError: `old_size` is not between 1 and the number of leaves.
    """
    return consistency_path(old_size, len(leaves), lambda start, end: tree_root(leaves[start:end]))


def consistency_path(old_size: int, size: int, root: RangeRoot) -> list[bytes]:
    """Return the same proof for a tree of `size` leaves, of which only the roots over some ranges are at hand.

    Raises:
        IndexError: `old_size` is not between 1 and `size`.
    """
    if not 1 <= old_size <= size:
        raise IndexError(f"no prefix of {old_size} in a tree of {size}")
    return _subproof(old_size, 0, size, root, is_known=True)


def _subproof(old_end: int, start: int, end: int, root: RangeRoot, *, is_known: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962; `is_known`: the verifier has the root over the leaves from `start` to `old_end`."""
    if old_end == end:
        return [] if is_known else [root(start, end)]
    middle = start + _split(end - start)
    if old_end <= middle:
        return [*_subproof(old_end, start, middle, root, is_known=is_known), root(middle, end)]
    return [*_subproof(old_end, middle, end, root, is_known=False), root(start, middle)]


def check_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf hash is number `index` of the tree of `size` leaves (RFC 9162 section 2.1.3.2).

    Raises:
        VerificationError: BAD_ROOT; the proof is too long, too short, or leads to another root.
    """
    if not 0 <= index < size:
        raise VerificationError(Verdict.BAD_ROOT, "inclusion proof", f"index {index} is outside a tree of {size}")
    position, last, node = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise VerificationError(Verdict.BAD_ROOT, "inclusion proof", "it is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise VerificationError(Verdict.BAD_ROOT, "inclusion proof", "it is too short")
    if node != root:
        raise VerificationError(Verdict.BAD_ROOT, "inclusion proof", "it leads to another root")


def check_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Check that one tree is a prefix of another (RFC 9162 section 2.1.4.2).

    Raises:
        VerificationError: BAD_ROOT; the proof doesn't lead to both roots.
    """
    if not 1 <= old_size <= size:
        raise VerificationError(
            Verdict.BAD_ROOT, "consistency proof", f"{old_size} is not a prefix of a tree of {size}"
        )
    if old_size == size:
        if proof or old_root != root:
            raise VerificationError(Verdict.BAD_ROOT, "consistency proof", "trees of one size have different roots")
        return
    path = [old_root, *proof] if old_size & (old_size - 1) == 0 else list(proof)
    if not path:
        raise VerificationError(Verdict.BAD_ROOT, "consistency proof", "it is empty")
    if _consistency_roots(path, old_size - 1, size - 1) != (old_root, root):
        raise VerificationError(Verdict.BAD_ROOT, "consistency proof", "it leads to other roots")


def _consistency_roots(path: Sequence[bytes], position: int, last: int) -> tuple[bytes, bytes]:
    """Return the roots of both trees that a path leads to, from their last leaves' positions up."""
    while position & 1:
        position, last = position >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise VerificationError(Verdict.BAD_ROOT, "consistency proof", "it is too long")
        if position & 1 or position == last:
            old_node, new_node = node_hash(sibling, old_node), node_hash(sibling, new_node)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            new_node = node_hash(new_node, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise VerificationError(Verdict.BAD_ROOT, "consistency proof", "it is too short")
    return old_node, new_node


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree of `size` leaves, carried by the roots of its complete subtrees, left to right.

    Raises:
        MalformedError: There isn't one 32-byte hash for each 1 in the binary form of `size`.
    """

    size: int
    hashes: tuple[bytes, ...]

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise MalformedError("frontier", f"a tree of {self.size} has no frontier of {len(self.hashes)} hashes")
        if any(len(node) != HASH_SIZE for node in self.hashes):
            raise MalformedError("frontier", "a hash is not of 32 bytes")

    @classmethod
    def parse(cls, size: int, data: bytes) -> Self:
        """Read the concatenated hashes of a tree of `size` leaves."""
        return cls(size, tuple(data[start : start + HASH_SIZE] for start in range(0, len(data), HASH_SIZE)))

    def format(self) -> bytes:
        """Return the concatenated hashes."""
        return b"".join(self.hashes)

    def append(self, leaf: bytes) -> Self:
        """Return the frontier of the tree with one more leaf hash."""
        hashes, size, node = list(self.hashes), self.size, leaf
        while size & 1:
            node, size = node_hash(hashes.pop(), node), size >> 1
        return type(self)(self.size + 1, (*hashes, node))

    @property
    def root(self) -> bytes:
        """The root of the tree: the frontier folded from the right."""
        if not self.hashes:
            return EMPTY_ROOT
        node = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            node = node_hash(left, node)
        return node

    @property
    def path(self) -> list[bytes]:
        """The inclusion proof of the leaf that comes next, in the tree that it completes."""
        return list(reversed(self.hashes))


EMPTY_FRONTIER = Frontier(0, ())
