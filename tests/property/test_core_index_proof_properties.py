"""Every change of one byte and every cut of the proofs of an index is refused."""

import pytest

from auditseal_schemas.completeness_proof import CompletenessProof
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.index_fraud import IndexFraud
from tests.factory.plain_index import PlainIndex, PlainSegment
from tests.unit.schemas import test_completeness_proof as completeness
from tests.unit.schemas import test_index_fraud as fraud


def check_completeness(data: bytes) -> None:
    CompletenessProof.parse(data).check(completeness.TRUST)


def check_fraud(data: bytes) -> None:
    IndexFraud.parse(data).check(fraud.TRUST)


INDEX = PlainIndex((PlainSegment.of(completeness.BLOCKS[:1]), PlainSegment.of(completeness.BLOCKS[1:4])))
PROOFS = {
    "present": (INDEX.prove(completeness.READ, completeness.U1).format(), check_completeness),
    "absent": (INDEX.prove(completeness.NOBODY).format(), check_completeness),
    "fraud": (fraud.OMITTED.format(), check_fraud),
}


@pytest.mark.parametrize("kind", PROOFS)
def test_every_change_of_a_byte_is_refused(kind: str) -> None:
    data, check = PROOFS[kind]
    check(data)
    for position in range(len(data)):
        changed = bytearray(data)
        changed[position] ^= 1 << (position * 5 + 3) % 8
        with pytest.raises(VerificationError):
            check(bytes(changed))


@pytest.mark.parametrize("kind", PROOFS)
def test_every_cut_is_refused(kind: str) -> None:
    data, check = PROOFS[kind]
    for end in range(len(data)):
        with pytest.raises(VerificationError):
            check(data[:end])
