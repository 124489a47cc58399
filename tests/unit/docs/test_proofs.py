"""docs/reference/proofs.md shows proofs to the byte: the core makes them again, from the bytes of format.md."""

import re
from base64 import b64decode
from hashlib import sha256
from pathlib import Path

import pytest

from auditseal_schemas.consistency_file import ConsistencyFile
from auditseal_schemas.event_proof import check_record_proof, prove_record
from auditseal_schemas.merkle import consistency_path, tree_root
from auditseal_schemas.rotation import Rotation
from auditseal_schemas.tlog_proof import TlogProof
from tests.unit.docs.test_format import shown as shown_by_format
from tests.unit.docs.test_format import trust
from tests.vectors.example import example_blocks

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "proofs.md").read_text("utf-8")
FENCES = {
    (kind, name): body
    for kind, name, body in re.findall(r"^```(\w+) (\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}
ZERO, ONE, TWO, THREE = example_blocks()


def extra(name: str) -> bytes:
    """Return extra data as the page composes it from the bytes of format.md."""
    data = b""
    for line in FENCES["hex", name].splitlines():
        word = line.split(";")[0].strip()
        if ("text", word) in FENCES:
            data += FENCES["text", word].encode()
        else:
            data += bytes.fromhex(word) if re.fullmatch("[0-9a-f]+", word) else shown_by_format(word)
    return data


@pytest.mark.parametrize(
    ("number", "proof", "value"),
    [
        (0, prove_record(ZERO, 1), b"two"),
        (3, prove_record(THREE, 0, [Rotation.of(ONE)]), b"three"),
    ],
)
def test_the_core_makes_and_checks_the_proof_that_the_page_shows(number: int, proof: TlogProof, value: bytes) -> None:
    shown = FENCES["text", f"proof_{number}"].encode()
    assert proof.format() == shown
    assert proof.extra == extra(f"extra_{number}")
    assert f"The file has {len(shown):,} bytes" in re.sub(r"\s+", " ", PAGE)
    assert check_record_proof(TlogProof.parse(shown), trust()).record.value == value


def test_the_core_makes_and_checks_the_heads_that_the_page_shows() -> None:
    leaves = [block.leaf for block in example_blocks()]
    path = consistency_path(1, 4, lambda start, end: tree_root(leaves[start:end]))
    shown = FENCES["text", "heads_1_4"].encode()
    assert ConsistencyFile(ZERO.note, tuple(path), THREE.note, (Rotation.of(ONE),)).format() == shown
    old, new = ConsistencyFile.parse(shown).check(trust())
    assert (old.size, new.size) == (1, 4)


def test_the_formulas_on_the_page_give_what_it_shows() -> None:
    """By SHA-256 alone."""
    link = sha256(b"\x00" + shown_by_format("link_0") + shown_by_format("record_1")).digest()
    assert link == shown_by_format("link_1")
    root = sha256(b"\x01" + shown_by_format("link_0") + link).digest()
    assert root in shown_by_format("header")
    lines = FENCES["text", "proof_3"].splitlines()
    frontier = shown_by_format("frontier_3")
    assert [b64decode(line) for line in lines[3:5]] == [frontier[32:], frontier[:32]]
    root_1 = sha256(b"\x01" + shown_by_format("leaf") + shown_by_format("leaf_1")).digest()
    assert b64decode(FENCES["text", "checkpoint_1"].splitlines()[2]) == root_1
    hashes = [b64decode(line) for line in FENCES["text", "heads_1_4"].splitlines()[3:5]]
    right = sha256(b"\x01" + shown_by_format("leaf_2") + shown_by_format("leaf_3")).digest()
    assert hashes == [shown_by_format("leaf_1"), right]
