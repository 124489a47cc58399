"""A pack's program checks signatures by ML-DSA-44 as the golden vaults say."""

import json
import sys
from typing import Any

import pytest

from auditseal_evidence.verify import RefusedError, check_note
from auditseal_schemas.block import Block
from auditseal_schemas.trust import Trust
from tests.vectors.make import FOLDER, INDEX
from tests.vectors.second_signature import ORIGIN

KEY = ORIGIN.block_key(1)
VECTORS = {
    vector["name"]: vector
    for vector in json.loads((FOLDER / INDEX).read_text("utf-8"))
    if vector["name"].startswith("second-signature")
}


def checked(vector: dict[str, Any]) -> tuple[str, int, bytes]:
    """Check the note of block 1 by the keys of the trust file."""
    block = Block.parse((FOLDER / vector["objects"][KEY][0]["file"]).read_bytes())
    keys = [str(key) for key in Trust.parse(vector["trust"].encode()).log_of(ORIGIN).keys]
    return check_note(block.note.format().decode(), keys, "block 1")


@pytest.mark.parametrize("name", VECTORS)
def test_a_second_signature_holds_where_the_golden_vault_is_clean(name: str) -> None:
    if not VECTORS[name]["findings"]:
        assert checked(VECTORS[name])[:2] == (str(ORIGIN), 2)
        return
    with pytest.raises(RefusedError, match=r"did not sign it|doesn't hold|exceeds"):
        checked(VECTORS[name])


def test_a_library_without_the_algorithm_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.asymmetric.mldsa", None)
    with pytest.raises(RefusedError, match="needs the package cryptography 48 or later"):
        checked(VECTORS["second-signature"])
    assert checked(VECTORS["second-signature-not-pinned"])
