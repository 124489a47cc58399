"""Two checkers of an index's proofs, of which one was written from the page alone, say the same of every file."""

from dataclasses import replace

import pytest

from auditseal_schemas.completeness_proof import CompletenessProof
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.index_fraud import IndexFraud
from auditseal_schemas.trust import Trust
from tests.oracle.absence import check_completeness, check_fraud
from tests.oracle.reader import Refused
from tests.unit.schemas import test_completeness_proof as completeness
from tests.unit.schemas import test_index_fraud as fraud


def text(trust: Trust) -> str:
    logs = [f"log {key}\n" for log in trust.logs for key in log.keys]
    return "".join([*logs, *(f"index {key}\n" for key in trust.indexes)])


def refuses(data: bytes) -> None:
    with pytest.raises((Refused, ValueError)):
        check_completeness(data, text(completeness.TRUST))
    with pytest.raises(VerificationError):
        CompletenessProof.parse(data).check(completeness.TRUST)


def test_both_find_the_same_records_of_every_term() -> None:
    terms = {term for segment in completeness.INDEX.segments for term in segment.postings}
    for term in sorted(terms):
        proof = completeness.INDEX.prove(term)
        ours = proof.check(completeness.TRUST)
        heads, hits = check_completeness(proof.format(), text(completeness.TRUST))
        assert hits == [(str(log.origin), offset) for log in ours.logs for offset in log.offsets]
        assert heads == {str(log.origin): (log.head.size, log.head.root) for log in ours.logs}


def test_both_find_the_same_records_of_two_terms_and_none_of_a_foreign_one() -> None:
    assert [offset for _, offset in check_completeness(completeness.BOTH.format(), text(completeness.TRUST))[1]] == [
        5,
        9,
        17,
    ]
    nobody = completeness.INDEX.prove(completeness.NOBODY)
    assert check_completeness(nobody.format(), text(completeness.TRUST))[1] == []


@pytest.mark.parametrize(
    "change",
    [
        completeness.dropped_posting,
        completeness.forged_entry,
        completeness.foreign_tree,
        lambda segments: segments.pop(1),
        lambda segments: segments.pop(0),
        lambda segments: segments.reverse(),
        lambda segments: segments.clear(),
    ],
)
def test_both_refuse_the_same_lies(change: object) -> None:
    refuses(completeness.with_segments(completeness.BOTH, change).format())  # type: ignore[arg-type]


def test_both_refuse_another_key_and_a_stale_checkpoint() -> None:
    index = completeness.INDEX
    refuses(replace(index, signer=completeness.OTHER_SIGNER).prove(completeness.READ).format())
    refuses(replace(completeness.BOTH, note=replace(index, segments=index.segments[:4]).note).format())


def test_both_refuse_a_slice_of_all_changes_of_a_byte() -> None:
    for proof in (completeness.BOTH, completeness.INDEX.prove(completeness.NOBODY)):
        data = proof.format()
        for position in range(7, len(data), 211):
            changed = bytearray(data)
            changed[position] ^= 1 << position % 7
            refuses(bytes(changed))


def test_both_know_a_fraud_from_the_truth() -> None:
    for proof in (fraud.OMITTED, fraud.INDEX.fraud(1, fraud.NOBODY, fraud.BLOCKS[2], 1, fraud.BLOCKS)):
        assert check_fraud(proof.format(), text(fraud.TRUST)) == proof.check(fraud.TRUST).is_omitted
    for honest in (
        fraud.INDEX.fraud(0, fraud.U1, fraud.BLOCKS[0], 1, fraud.BLOCKS),
        fraud.INDEX.fraud(1, fraud.U1, fraud.BLOCKS[1], 1, fraud.BLOCKS),
    ):
        with pytest.raises(Refused):
            check_fraud(honest.format(), text(fraud.TRUST))
        with pytest.raises(VerificationError):
            IndexFraud.parse(honest.format()).check(fraud.TRUST)
