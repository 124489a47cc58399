"""The tree against published vectors, against RFC 6962's own definition, and every proof with something wrong."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.merkle import (
    EMPTY_FRONTIER,
    EMPTY_ROOT,
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_path,
    inclusion_proof,
    join_depth,
    leaf_hash,
    node_hash,
    path_length,
    tree_root,
)
from auditseal_schemas.verdict import Verdict

VECTORS: dict[str, Any] = json.loads((Path(__file__).parents[2] / "data/rfc6962/tree.json").read_text())
VECTOR_LEAVES = [leaf_hash(bytes.fromhex(leaf)) for leaf in VECTORS["leaves"]]
VECTOR_ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
LEAVES = [leaf_hash(b"leaf %d" % number) for number in range(70)]
SIZES = range(1, 34)


def unhex(hashes: Sequence[str]) -> list[bytes]:
    return [bytes.fromhex(text) for text in hashes]


@cache
def defined_root(first: int, end: int) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word: split at the largest power of two smaller than n."""
    if first == end:
        return sha256(b"").digest()
    if end - first == 1:
        return LEAVES[first]
    split = 1
    while split * 2 < end - first:
        split *= 2
    return sha256(b"\x01" + defined_root(first, first + split) + defined_root(first + split, end)).digest()


def spoiled(proof: Sequence[bytes]) -> Iterator[list[bytes]]:
    """Yield the proof with each sibling changed, dropped, doubled and swapped, and with one more at every place."""
    for place, sibling in enumerate(proof):
        before, after = list(proof[:place]), list(proof[place + 1 :])
        yield [*before, bytes((sibling[0] ^ 1,)) + sibling[1:], *after]
        yield [*before, *after]
        yield [*before, sibling, sibling, *after]
        if after:
            yield [*before, after[0], sibling, *after[1:]]
    for place in range(len(proof) + 1):
        yield [*proof[:place], sha256(b"stranger").digest(), *proof[place:]]


def refuse_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    with pytest.raises(VerificationError) as caught:
        check_inclusion(leaf, index, size, proof, root)
    assert caught.value.verdict is Verdict.BAD_ROOT


def refuse_consistency(old_size: int, old_root: bytes, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    with pytest.raises(VerificationError) as caught:
        check_consistency(old_size, old_root, size, root, proof)
    assert caught.value.verdict is Verdict.BAD_ROOT


@pytest.mark.parametrize("size", range(9))
def test_published_roots_and_compact_trees(size: int) -> None:
    assert tree_root(VECTOR_LEAVES[:size]) == VECTOR_ROOTS[size]
    frontier = EMPTY_FRONTIER
    for leaf in VECTOR_LEAVES[:size]:
        frontier = frontier.append(leaf)
    assert list(frontier.hashes) == unhex(VECTORS["compact_trees"][size])
    assert frontier.root == VECTOR_ROOTS[size]


@pytest.mark.parametrize("vector", VECTORS["inclusion"], ids=lambda vector: f"{vector['index']} of {vector['size']}")
def test_published_inclusion_proofs(vector: dict[str, Any]) -> None:
    index, size, proof = vector["index"], vector["size"], unhex(vector["proof"])
    assert inclusion_proof(VECTOR_LEAVES[:size], index) == proof
    check_inclusion(VECTOR_LEAVES[index], index, size, proof, VECTOR_ROOTS[size])


@pytest.mark.parametrize(
    "vector", VECTORS["consistency"], ids=lambda vector: f"{vector['old_size']} in {vector['size']}"
)
def test_published_consistency_proofs(vector: dict[str, Any]) -> None:
    old_size, size, proof = vector["old_size"], vector["size"], unhex(vector["proof"])
    assert consistency_proof(VECTOR_LEAVES[:size], old_size) == proof
    check_consistency(old_size, VECTOR_ROOTS[old_size], size, VECTOR_ROOTS[size], proof)


@pytest.mark.parametrize("size", range(71))
def test_root_and_frontier_are_as_defined(size: int) -> None:
    frontier = EMPTY_FRONTIER
    for number, leaf in enumerate(LEAVES[:size]):
        grown = frontier.append(leaf)
        assert frontier.path == inclusion_proof(LEAVES[: number + 1], number)
        assert Frontier.parse(grown.size, grown.format()) == grown
        frontier = grown
    assert frontier.root == tree_root(LEAVES[:size]) == defined_root(0, size)
    assert len(frontier.hashes) == size.bit_count()


def test_nothing_is_duplicated() -> None:
    """CVE-2012-2459: repeating the last leaf of an odd level must change the root."""
    for size in range(1, 20):
        assert tree_root([*LEAVES[:size], LEAVES[size - 1]]) != tree_root(LEAVES[:size])


@pytest.mark.parametrize("size", SIZES)
def test_every_inclusion_proof_holds_and_no_other(size: int) -> None:
    root = defined_root(0, size)
    for index in range(size):
        proof = inclusion_proof(LEAVES[:size], index)
        check_inclusion(LEAVES[index], index, size, proof, root)
        for wrong in spoiled(proof):
            refuse_inclusion(LEAVES[index], index, size, wrong, root)
        refuse_inclusion(LEAVES[index + 1], index, size, proof, root)
        refuse_inclusion(LEAVES[index], index, size, proof, LEAVES[-1])
        for other in {*range(size)} - {index}:
            refuse_inclusion(LEAVES[index], other, size, proof, root)


@pytest.mark.parametrize("size", SIZES)
def test_every_consistency_proof_holds_and_no_other(size: int) -> None:
    root = defined_root(0, size)
    for old_size in range(1, size + 1):
        old_root, proof = defined_root(0, old_size), consistency_proof(LEAVES[:size], old_size)
        check_consistency(old_size, old_root, size, root, proof)
        for wrong in spoiled(proof):
            refuse_consistency(old_size, old_root, size, root, wrong)
        refuse_consistency(old_size, LEAVES[-1], size, root, proof)
        refuse_consistency(old_size, old_root, size, LEAVES[-1], proof)


def test_an_interior_node_is_no_leaf() -> None:
    """With the sizes pinned, a shorter path to the same root proves nothing."""
    root, node = tree_root(LEAVES[:4]), node_hash(LEAVES[0], LEAVES[1])
    refuse_inclusion(node, 0, 4, [node_hash(LEAVES[2], LEAVES[3])], root)
    assert leaf_hash(LEAVES[0] + LEAVES[1]) != node


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (2**63, 3)])
def test_an_index_outside_the_tree_is_refused(index: int, size: int) -> None:
    refuse_inclusion(LEAVES[0], index, size, [], LEAVES[0])
    with pytest.raises(IndexError, match=r"no leaf .* in a tree of"):
        inclusion_proof(LEAVES[:size], index)


@pytest.mark.parametrize(("old_size", "size"), [(-1, 3), (0, 3), (4, 3), (0, 0)])
def test_no_prefix_outside_the_tree(old_size: int, size: int) -> None:
    refuse_consistency(old_size, EMPTY_ROOT, size, EMPTY_ROOT, [])
    with pytest.raises(IndexError, match=r"no prefix of .* in a tree of"):
        consistency_proof(LEAVES[:size], old_size)


def test_an_empty_proof_proves_nothing_new() -> None:
    for old_size in range(1, 5):
        for size in range(old_size + 1, 6):
            refuse_consistency(old_size, defined_root(0, old_size), size, defined_root(0, size), [])


def test_huge_sizes_end_in_a_refusal_at_once() -> None:
    refuse_inclusion(LEAVES[0], 2**63 - 1, 2**63, LEAVES[:70], LEAVES[0])
    refuse_consistency(2**62, LEAVES[0], 2**63, LEAVES[0], LEAVES[:70])
    refuse_consistency(2**63 - 1, LEAVES[0], 2**63, LEAVES[0], LEAVES[:5])


@pytest.mark.parametrize(
    ("size", "hashes"),
    [
        (-1, ()),
        (0, (LEAVES[0],)),
        (1, ()),
        (2, (LEAVES[0], LEAVES[1])),
        (3, (LEAVES[0],)),
        (1, (LEAVES[0][:31],)),
        (1, (LEAVES[0] + b"\0",)),
        (2**63 - 1, (LEAVES[0],) * 62),
    ],
    ids=["negative", "0 with one", "1 with none", "2 with two", "3 with one", "31 bytes", "33 bytes", "2**63"],
)
def test_a_frontier_has_a_hash_for_each_1_in_its_size(size: int, hashes: tuple[bytes, ...]) -> None:
    with pytest.raises(MalformedError, match="frontier"):
        Frontier(size, hashes)


def test_a_frontier_is_parsed_to_the_byte() -> None:
    data = LEAVES[0] + LEAVES[1]
    assert Frontier.parse(3, data) == Frontier(3, (LEAVES[0], LEAVES[1]))
    for wrong in (data[:-1], data + b"\0", data[:32], data + LEAVES[2]):
        with pytest.raises(MalformedError):
            Frontier.parse(3, wrong)


EIGHT = [leaf_hash(b"leaf %d" % number) for number in range(8)]


def refuse_inclusion_as(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes, said: str) -> None:
    with pytest.raises(VerificationError, match=said) as caught:
        check_inclusion(leaf, index, size, proof, root)
    assert caught.value.verdict is Verdict.BAD_ROOT


def test_the_last_leaf_of_a_full_tree_has_no_index_below_0() -> None:
    """All its siblings are on the left, as they would for a number whose bits are all 1."""
    four = EIGHT[:4]
    refuse_inclusion_as(four[3], -1, 4, inclusion_proof(four, 3), tree_root(four), "index -1 is outside")


def test_no_leaf_stands_right_behind_a_tree() -> None:
    two = EIGHT[:2]
    refuse_inclusion_as(two[0], 2, 2, inclusion_proof(two, 0), tree_root(two), "index 2 is outside")


def test_the_right_half_of_a_tree_is_no_tree_of_one() -> None:
    two = EIGHT[:2]
    refuse_inclusion_as(two[1], 0, 1, [two[0]], tree_root(two), "too long")


def test_the_right_halves_of_two_trees_are_not_consistent_for_the_whole() -> None:
    left = tree_root(EIGHT[:4])
    proof = [*consistency_proof(EIGHT[4:], 3), left]
    with pytest.raises(VerificationError, match="too long"):
        check_consistency(3, tree_root(EIGHT[:7]), 4, tree_root(EIGHT), proof)


def test_no_tree_is_smaller_than_the_empty_one() -> None:
    with pytest.raises(MalformedError, match="a tree of -1 has no frontier of 1 hashes"):
        Frontier(-1, (EIGHT[0],))


@pytest.mark.parametrize("size", range(1, 34))
def test_paths_have_a_known_length_and_a_common_end(size: int) -> None:
    leaves = LEAVES[:size]
    paths = [inclusion_proof(leaves, index) for index in range(size)]
    for index, path in enumerate(paths):
        assert inclusion_path(index, size, lambda start, end: tree_root(leaves[start:end])) == path
        assert path_length(index, size) == len(path)
    for index in range(1, size):
        lower, upper, depth = paths[index - 1], paths[index], join_depth(index, size)
        assert lower[len(lower) - depth :] == upper[len(upper) - depth :]
        assert lower[len(lower) - depth - 1] != upper[len(upper) - depth - 1]


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 1), (1, 1)])
def test_there_is_no_path_from_outside_the_tree(index: int, size: int) -> None:
    with pytest.raises(IndexError, match=f"no leaf {index} in a tree of {size}"):
        inclusion_path(index, size, lambda _start, _end: EMPTY_ROOT)
