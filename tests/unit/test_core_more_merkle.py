"""Proofs that lead to the right root from a place or a size that isn't theirs."""

import pytest

from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.merkle import (
    Frontier,
    check_consistency,
    check_inclusion,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_root,
)
from auditseal_schemas.verdict import Verdict

LEAVES = [leaf_hash(b"leaf %d" % number) for number in range(8)]


def refuse_inclusion(leaf: bytes, index: int, size: int, proof: list[bytes], root: bytes, said: str) -> None:
    with pytest.raises(VerificationError, match=said) as caught:
        check_inclusion(leaf, index, size, proof, root)
    assert caught.value.verdict is Verdict.BAD_ROOT


def test_the_last_leaf_of_a_full_tree_has_no_index_below_0() -> None:
    """All its siblings stand on the left, as they would for a number whose bits are all 1."""
    four = LEAVES[:4]
    refuse_inclusion(four[3], -1, 4, inclusion_proof(four, 3), tree_root(four), "index -1 is outside")


def test_no_leaf_stands_right_behind_a_tree() -> None:
    two = LEAVES[:2]
    refuse_inclusion(two[0], 2, 2, inclusion_proof(two, 0), tree_root(two), "index 2 is outside")


def test_the_right_half_of_a_tree_is_no_tree_of_one() -> None:
    two = LEAVES[:2]
    refuse_inclusion(two[1], 0, 1, [two[0]], tree_root(two), "too long")


def test_the_right_halves_of_two_trees_are_not_consistent_for_the_whole() -> None:
    left = tree_root(LEAVES[:4])
    proof = [*consistency_proof(LEAVES[4:], 3), left]
    with pytest.raises(VerificationError, match="too long"):
        check_consistency(3, tree_root(LEAVES[:7]), 4, tree_root(LEAVES), proof)


def test_no_tree_is_smaller_than_the_empty_one() -> None:
    with pytest.raises(MalformedError, match="a tree of -1 has no frontier of 1 hashes"):
        Frontier(-1, (LEAVES[0],))
