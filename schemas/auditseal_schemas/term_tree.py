"""The terms tree of a segment: an RFC 6962 tree over all its terms, sorted by their keys.

A term that is there is proven by its leaf with all its postings. One that is not there is proven by the two leaves
between which it would be, or by the one leaf at an end.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.merkle import EMPTY_ROOT, HASH_SIZE, check_inclusion, join_depth, leaf_hash, path_length
from auditseal_schemas.verdict import Verdict


def committed_postings(postings: bytes) -> bytes:
    """Return what a leaf holds of postings: all bytes if they are fewer than 32, else their SHA-256."""
    return postings if len(postings) < HASH_SIZE else sha256(postings).digest()


@dataclass(frozen=True, slots=True)
class TermLeaf:
    """A leaf of the tree.

    Attributes:
        key: The term's key.
        postings: What the leaf holds of its postings: 1 to 32 bytes.

    Raises:
        MalformedError: The key or the postings have another length.
    """

    key: bytes
    postings: bytes

    def __post_init__(self) -> None:
        if len(self.key) != HASH_SIZE or not 1 <= len(self.postings) <= HASH_SIZE:
            raise MalformedError("terms.leaf", "a key has 32 bytes, and the postings in a leaf 1 to 32")

    @property
    def hash(self) -> bytes:
        """The leaf's hash: SHA-256(00 ‖ key ‖ postings)."""
        return leaf_hash(self.key + self.postings)


@dataclass(frozen=True, slots=True)
class TermsTree:
    """The tree of a segment's terms: how many there are, and the root."""

    size: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Present:
    """The proof that a term is there, with its postings.

    Attributes:
        position: The leaf's index in the tree.
        postings: All postings, as `encode_postings` gives them.
        path: The inclusion proof, the nearest sibling first.
    """

    position: int
    postings: bytes
    path: tuple[bytes, ...]

    def check(self, key: bytes, tree: TermsTree) -> None:
        """Check that the tree has the term with exactly these postings.

        Raises:
            VerificationError: BAD_ROOT; it does not.
            MalformedError: The postings are empty.
        """
        leaf = TermLeaf(key, committed_postings(self.postings))
        _check_leaf("the term", leaf, self.position, tree, self.path)


@dataclass(frozen=True, slots=True)
class Absent:
    """The proof that a term is not there.

    Attributes:
        position: The index that the term would have: the number of leaves below it.
        neighbours: The leaves just below and just above it, as far as they exist.
        path: Their inclusion proofs, one after the other; the second ends where both join.
    """

    position: int
    neighbours: tuple[TermLeaf, ...]
    path: tuple[bytes, ...]

    def check(self, key: bytes, tree: TermsTree) -> None:
        """Check that the tree has neighbours of the term's place, adjacent, and the term not between them.

        Raises:
            VerificationError: BAD_ROOT, a neighbour is not at its place; BROKEN_CHAIN, they don't enclose the term.
        """
        if not 0 <= self.position <= tree.size:
            problem = f"place {self.position} is outside a tree of {tree.size}"
            raise VerificationError(Verdict.BAD_ROOT, "terms.absent", problem)
        has_below, has_above = self.position > 0, self.position < tree.size
        if len(self.neighbours) != has_below + has_above:
            problem = f"{len(self.neighbours)} neighbours are not those of place {self.position} of {tree.size}"
            raise VerificationError(Verdict.BAD_ROOT, "terms.absent", problem)
        below = self.neighbours[0] if has_below else None
        above = self.neighbours[-1] if has_above else None
        if (below and below.key >= key) or (above and above.key <= key):
            problem = "the neighbours do not enclose the term: it is absent only between two adjacent ones"
            raise VerificationError(Verdict.BROKEN_CHAIN, "terms.absent", problem)
        self._check_paths(below, above, tree)

    def _check_paths(self, below: TermLeaf | None, above: TermLeaf | None, tree: TermsTree) -> None:
        lower, upper = self._paths(tree.size)
        if below:
            _check_leaf("the neighbour below", below, self.position - 1, tree, lower)
        if above:
            _check_leaf("the neighbour above", above, self.position, tree, upper)
        if not below and not above and (self.path or tree.root != EMPTY_ROOT):
            raise VerificationError(Verdict.BAD_ROOT, "terms.absent", "the tree without leaves has another root")

    def _paths(self, size: int) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        """Return the paths of both neighbours; above where they join the paths are one."""
        if not 0 < self.position < size:
            return self.path, self.path
        length = path_length(self.position - 1, size)
        lower, own = self.path[:length], self.path[length:]
        return lower, (*own, *lower[length - join_depth(self.position, size) :])


def absent(position: int, size: int, leaves: Sequence[TermLeaf], paths: Sequence[Sequence[bytes]]) -> Absent:
    """Return the proof of absence at a place.

    Args:
        position: The index that the term would have.
        size: The leaves of the tree.
        leaves: The neighbours, one or two; none in an empty tree.
        paths: The inclusion proof of each.
    """
    path = tuple(node for whole in paths for node in whole)
    if 0 < position < size:
        path = path[: len(path) - join_depth(position, size)]
    return Absent(position, tuple(leaves), path)


def _check_leaf(what: str, leaf: TermLeaf, position: int, tree: TermsTree, path: Sequence[bytes]) -> None:
    try:
        check_inclusion(leaf.hash, position, tree.size, path, tree.root)
    except VerificationError as error:
        problem = f"{what} is not term {position} of the segment: {error.problem}"
        raise VerificationError(error.verdict, "terms", problem) from error
