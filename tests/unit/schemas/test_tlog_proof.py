"""The limits of a proof's file: to the byte, to the hash and to the height."""

from dataclasses import replace

import pytest

from auditseal_schemas import tlog_proof
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.limits import MAX_HEIGHT, MAX_OBJECT_BYTES
from auditseal_schemas.tlog_proof import MAX_PROOF_BYTES, TlogProof
from tests.factory.vaults import ORIGINS, make_log

PROOF = TlogProof(2, (), make_log(ORIGINS[0], (1,))[0].note)


def refused(data: bytes) -> str:
    with pytest.raises(MalformedError) as caught:
        TlogProof.parse(data)
    return caught.value.field


def test_a_proof_has_at_most_twice_the_bytes_of_an_object(monkeypatch: pytest.MonkeyPatch) -> None:
    assert MAX_PROOF_BYTES == 2 * MAX_OBJECT_BYTES == 25_165_824
    data = PROOF.format()
    monkeypatch.setattr(tlog_proof, "MAX_PROOF_BYTES", len(data))
    assert TlogProof.parse(data) == PROOF
    assert refused(replace(PROOF, index=10).format()) == "proof"


def test_a_path_has_at_most_63_hashes() -> None:
    longest = replace(PROOF, path=(bytes(32),) * 63)
    assert TlogProof.parse(longest.format()) == longest
    assert refused(replace(PROOF, path=(bytes(32),) * 64).format()) == "proof.path"


def test_an_index_is_at_most_the_highest_height() -> None:
    highest = replace(PROOF, index=MAX_HEIGHT)
    assert TlogProof.parse(highest.format()) == highest
    assert refused(replace(PROOF, index=MAX_HEIGHT + 1).format()) == "proof.index"
