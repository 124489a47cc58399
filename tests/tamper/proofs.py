"""Inclusion proofs of every record and every header, altered."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product

from auditseal_schemas import merkle
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.record import next_link
from auditseal_schemas.verdict import Verdict
from tests.factory.vaults import ORIGINS
from tests.oracle import proof
from tests.oracle.reader import Refused
from tests.tamper.case import Expected, Family, Outcome, find
from tests.tamper.world import HEIGHTS, history

ANYBODY = "makes a proof"


@dataclass(frozen=True)
class Proof:
    """A claim that a leaf hash is at a place in the tree with this root, and its proof."""

    name: str
    leaf: bytes
    index: int
    size: int
    path: Sequence[bytes]
    root: bytes
    expected: Sequence[Expected] = field(default=(find(Verdict.BAD_ROOT, ORIGINS[0]),))

    def judge(self) -> Outcome:
        claim = (self.leaf, self.index, self.size, self.path, self.root)
        found = [verdict_of(merkle.check_inclusion, *claim), verdict_of(proof.check_inclusion, *claim)]
        wanted = "BAD_ROOT" if self.expected else ""
        miss = "" if found == [wanted, wanted] else f"{found}, not {wanted}"
        return Outcome(tuple(sorted({one for one in found if one})), miss)


def verdict_of(check: Callable[..., None], *claim: object) -> str:
    try:
        check(*claim)
    except (VerificationError, Refused) as error:
        return str(error.verdict)
    return ""


def families() -> Iterator[Family]:
    yield Family("inclusion proofs altered", ANYBODY, _altered)


def trees() -> Iterator[tuple[str, list[bytes]]]:
    """Yield the leaf hashes of each block's tree of links, of each log's tree of headers, and of larger trees."""
    for origin in ORIGINS:
        blocks = history(origin).blocks
        yield f"{origin}, headers", [block.leaf for block in blocks]
        for height in HEIGHTS:
            link, links = blocks[height].header.first_link, []
            for record in blocks[height].encoded_records():
                link = next_link(link, record)
                links.append(link)
            yield f"{origin}, block {height}", links
    for size in range(1, 18):
        yield f"{size} leaves", [merkle.leaf_hash(bytes((number,))) for number in range(size)]


def _altered() -> Iterator[Proof]:
    for name, leaves in trees():
        root, size = merkle.tree_root(leaves), len(leaves)
        for index, leaf in enumerate(leaves):
            path = merkle.inclusion_proof(leaves, index)
            true = Proof(f"{name}, {index}", leaf, index, size, path, root, ())
            assert true.judge() == Outcome((), "")
            for what, altered in _paths(path, leaf):
                yield Proof(f"{name}, {index}: {what}", leaf, index, size, altered, root)
            for other in {*range(-1, size + 1)} - {index}:
                yield Proof(f"{name}, {index}: as {other}", leaf, other, size, path, root)
            for number, other_leaf in enumerate(leaves):
                if number != index:
                    yield Proof(f"{name}, {index}: leaf {number}", other_leaf, index, size, path, root)
            for number, (node, above) in enumerate(_nodes(leaf, index, size, path), start=1):
                for at in {index, index >> number}:
                    yield Proof(f"{name}, {index}: the node {number} above at {at}", node, at, size, above, root)
            yield Proof(f"{name}, {index}: another root", leaf, index, size, path, merkle.node_hash(root, root))


def _nodes(leaf: bytes, index: int, size: int, path: list[bytes]) -> Iterator[tuple[bytes, list[bytes]]]:
    """Yield each interior node above a leaf, and the rest of the leaf's proof, to be offered as a leaf."""
    node, position, last = leaf, index, size - 1
    for number, sibling in enumerate(path, start=1):
        if position & 1 or position == last:
            node = merkle.node_hash(sibling, node)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            node = merkle.node_hash(node, sibling)
        position, last = position >> 1, last >> 1
        yield node, path[number:]


def _paths(path: list[bytes], leaf: bytes) -> Iterator[tuple[str, list[bytes]]]:
    for at in range(len(path) + 1):
        for what, extra in (("zeros", bytes(32)), ("the leaf", leaf), *(("a sibling", one) for one in path[:1])):
            yield f"{what} added at {at}", [*path[:at], extra, *path[at:]]
    for at, other in product(range(len(path)), repeat=2):
        if at < other and path[at] != path[other]:
            swapped = list(path)
            swapped[at], swapped[other] = path[other], path[at]
            yield f"{at} and {other} swapped", swapped
    for at in range(len(path)):
        yield f"{at} missing", [*path[:at], *path[at + 1 :]]
        yield f"a bit of {at} flipped", [*path[:at], bytes((path[at][0] ^ 1,)) + path[at][1:], *path[at + 1 :]]
        yield f"{at} cut", [*path[:at], path[at][:-1], *path[at + 1 :]]
