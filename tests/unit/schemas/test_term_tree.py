"""The terms tree: a term is there with these postings, or is not there, and no proof shows anything else."""

from bisect import bisect_left
from dataclasses import replace
from hashlib import sha256

import pytest

from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.merkle import EMPTY_ROOT, inclusion_proof, leaf_hash, tree_root
from auditseal_schemas.term_tree import Absent, Present, TermLeaf, TermsTree, absent, committed_postings
from auditseal_schemas.verdict import Verdict


def key(number: int) -> bytes:
    return number.to_bytes(32, "big")


def make(size: int) -> tuple[TermsTree, list[TermLeaf], list[bytes]]:
    """A tree whose keys are 10, 20, 30, …"""
    leaves = [TermLeaf(key(10 * number), b"\x01") for number in range(1, size + 1)]
    hashes = [leaf.hash for leaf in leaves]
    return TermsTree(size, tree_root(hashes)), leaves, hashes


def prove_absent(size: int, number: int) -> Absent:
    _, leaves, hashes = make(size)
    place = bisect_left([leaf.key for leaf in leaves], key(number))
    near = [at for at in (place - 1, place) if 0 <= at < size]
    return absent(place, size, [leaves[at] for at in near], [inclusion_proof(hashes, at) for at in near])


def refused(proof: Absent | Present, wanted: bytes, tree: TermsTree) -> str:
    with pytest.raises(VerificationError) as caught:
        proof.check(wanted, tree)
    return str(caught.value)


def test_a_leaf_holds_short_postings_whole_and_long_ones_as_their_hash() -> None:
    assert committed_postings(b"\x01" * 31) == b"\x01" * 31
    assert committed_postings(b"\x01" * 32) == sha256(b"\x01" * 32).digest()
    assert TermLeaf(key(1), b"\x05").hash == leaf_hash(key(1) + b"\x05")
    assert TermLeaf(key(1), bytes(32)).hash == leaf_hash(key(1) + bytes(32))


@pytest.mark.parametrize(("length", "postings"), [(31, 1), (33, 1), (32, 0), (32, 33)])
def test_a_leaf_has_a_key_and_postings(length: int, postings: int) -> None:
    with pytest.raises(MalformedError, match=r"terms\.leaf"):
        TermLeaf(bytes(length), bytes(postings))


@pytest.mark.parametrize("size", range(1, 20))
def test_each_term_is_present_with_its_postings_and_no_other(size: int) -> None:
    tree, leaves, hashes = make(size)
    for number, leaf in enumerate(leaves):
        proof = Present(number, b"\x01", tuple(inclusion_proof(hashes, number)))
        proof.check(leaf.key, tree)
        other = f"BAD_ROOT: terms: the term is not term {number} of the segment: it leads to another root"
        assert refused(replace(proof, postings=b"\x01\x01"), leaf.key, tree) == other
        assert refused(proof, key(5), tree) == other


@pytest.mark.parametrize("size", range(20))
def test_a_term_is_absent_at_each_place_and_at_no_other(size: int) -> None:
    tree, _, _ = make(size)
    proofs = [prove_absent(size, 10 * place + 5) for place in range(size + 1)]
    for place, proof in enumerate(proofs):
        assert proof.position == place
        proof.check(key(10 * place + 5), tree)
        for other in range(size + 1):
            if other != place:
                assert "do not enclose" in refused(proof, key(10 * other + 5), tree)
        for number in (10 * place, 10 * place + 10):
            if 1 <= number // 10 <= size:
                assert "do not enclose" in refused(proof, key(number), tree)


def test_each_hash_of_a_path_counts() -> None:
    tree, _, _ = make(13)
    for place in range(14):
        proof = prove_absent(13, 10 * place + 5)
        for at in range(len(proof.path)):
            path = (*proof.path[:at], bytes(32), *proof.path[at + 1 :])
            assert "is not term" in refused(replace(proof, path=path), key(10 * place + 5), tree)
        for path in (proof.path[:-1], proof.path[1:], (*proof.path, bytes(32)), (bytes(32), *proof.path)):
            assert "is not term" in refused(replace(proof, path=path), key(10 * place + 5), tree)


def test_neighbours_that_are_not_adjacent_are_refused() -> None:
    """The false claim that matters: leaves 10 and 30 hide 20."""
    tree, leaves, hashes = make(4)
    paths = [inclusion_proof(hashes, number) for number in (0, 2)]
    skipped = absent(1, 4, [leaves[0], leaves[2]], paths)
    problem = refused(skipped, key(20), tree)
    assert problem.startswith("BAD_ROOT: terms: the neighbour above is not term 1 of the segment")


def test_one_neighbour_is_enough_at_an_end_only() -> None:
    tree, leaves, hashes = make(4)
    last = Absent(4, (leaves[3],), tuple(inclusion_proof(hashes, 3)))
    last.check(key(41), tree)
    assert "1 neighbours are not those of place 2 of 4" in refused(replace(last, position=2), key(41), tree)
    assert "2 neighbours are not those of place 4 of 4" in refused(
        replace(last, neighbours=(leaves[2], leaves[3])), key(41), tree
    )
    assert "the neighbour below is not term 3" in refused(replace(last, neighbours=(leaves[2],)), key(41), tree)
    assert "the neighbour above is not term 0" in refused(
        Absent(0, (leaves[1],), tuple(inclusion_proof(hashes, 1))), key(15), tree
    )
    for outside in (-1, 5):
        assert f"place {outside} is outside a tree of 4" in refused(replace(last, position=outside), key(41), tree)


def test_an_empty_tree_lacks_every_term() -> None:
    empty = TermsTree(0, EMPTY_ROOT)
    Absent(0, (), ()).check(key(1), empty)
    assert "has another root" in refused(Absent(0, (), ()), key(1), TermsTree(0, bytes(32)))
    assert "has another root" in refused(Absent(0, (), (bytes(32),)), key(1), empty)
    assert "is outside a tree of 0" in refused(Present(0, b"\x00", ()), key(1), empty)


def test_the_verdicts() -> None:
    tree, _, _ = make(4)
    for proof, wanted, verdict in (
        (prove_absent(4, 15), key(25), Verdict.BROKEN_CHAIN),
        (replace(prove_absent(4, 15), position=9), key(15), Verdict.BAD_ROOT),
    ):
        with pytest.raises(VerificationError) as caught:
            proof.check(wanted, tree)
        assert caught.value.verdict is verdict
