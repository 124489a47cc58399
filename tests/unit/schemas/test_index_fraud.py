"""Proofs of fraud: an index that omits a record, or has one that lacks the term; and nothing else passes as one."""

from dataclasses import replace

import pytest

from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.index_fraud import FIRST_LINE, MAX_FRAUD_BYTES, IndexFraud
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.term import Term, terms_of
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import OTHER_SIGNER, keys_of
from tests.factory.plain_index import INDEX_KEY, PlainIndex, PlainSegment, event_log
from tests.factory.vaults import ORIGINS

LOG, OTHER = ORIGINS
BLOCKS = event_log(LOG, (4, 3, 6, 5))
TRUST = Trust((PinnedLog(LOG, keys_of(LOG)),), indexes=(INDEX_KEY,))
U1, NOBODY, READ = Term("actor.id", "u-1"), Term("actor.id", "u-1842"), Term("action", "read")
HIDDEN = 5
"""The offset of the record that the owner hides: number 1 of block 1."""


def lying(record: SealedRecord) -> set[Term]:
    """The terms by an owner who hides one record, and has another under a foreign name."""
    if record.offset == HIDDEN:
        return set()
    return {*terms_of(record), *([NOBODY] if record.offset == 8 else [])}


INDEX = PlainIndex((PlainSegment.of(BLOCKS[:2], lying), PlainSegment.of(BLOCKS[2:], lying)))
OMITTED = INDEX.fraud(0, U1, BLOCKS[1], 1, BLOCKS)


def refused(proof: IndexFraud, trust: Trust = TRUST) -> tuple[Verdict, str]:
    with pytest.raises(VerificationError) as caught:
        IndexFraud.parse(proof.format()).check(trust)
    return caught.value.verdict, caught.value.field


def test_a_record_that_is_left_out_is_a_fraud() -> None:
    assert IndexFraud.parse(OMITTED.format()) == OMITTED
    found = OMITTED.check(TRUST)
    assert (found.term, found.record.offset, found.header, found.is_omitted) == (U1, HIDDEN, BLOCKS[1].header, True)
    assert (found.index, found.head.size, found.segment) == (INDEX_KEY, 2, INDEX.segments[0].entry)


def test_a_term_that_is_said_to_be_absent_is_a_fraud() -> None:
    stream = Term("session", "s-5")
    proof = INDEX.fraud(0, stream, BLOCKS[1], 1, BLOCKS)
    assert proof.segment.absent is not None
    assert proof.check(TRUST).is_omitted


def test_a_record_that_lacks_the_term_is_a_fraud() -> None:
    found = INDEX.fraud(1, NOBODY, BLOCKS[2], 1, BLOCKS).check(TRUST)
    assert (found.record.offset, found.is_omitted) == (8, False)


@pytest.mark.parametrize(("segment", "term", "height", "index"), [(0, U1, 0, 1), (0, NOBODY, 1, 1), (1, READ, 2, 1)])
def test_the_truth_is_not_a_fraud(segment: int, term: Term, height: int, index: int) -> None:
    assert refused(INDEX.fraud(segment, term, BLOCKS[height], index, BLOCKS)) == (Verdict.BAD_RECORD, "term")


def test_a_record_of_another_segment_proves_nothing() -> None:
    assert refused(INDEX.fraud(1, U1, BLOCKS[1], 1, BLOCKS)) == (Verdict.BROKEN_CHAIN, "height")
    above = replace(OMITTED, header=BLOCKS[2].header.format())
    assert refused(above) == (Verdict.BROKEN_CHAIN, "height")


def test_a_record_of_another_log_or_history_proves_nothing() -> None:
    others = event_log(OTHER, (4, 3))
    assert refused(replace(OMITTED, header=others[1].header.format())) == (Verdict.BROKEN_CHAIN, "height")
    forked = event_log(LOG, (4, 4), (OTHER_SIGNER,))
    assert refused(INDEX.fraud(0, U1, forked[1], 1, forked)) == (Verdict.BAD_ROOT, "inclusion proof")


def test_a_record_that_is_not_in_the_block_proves_nothing() -> None:
    foreign = INDEX.fraud(0, U1, BLOCKS[0], 1, BLOCKS).record
    assert refused(replace(OMITTED, record=foreign)) == (Verdict.BAD_ROOT, "inclusion proof")


def test_what_the_index_says_is_held_to_its_signature() -> None:
    assert refused(OMITTED, replace(TRUST, indexes=())) == (Verdict.MISSING_LOG, "index")
    other = replace(INDEX, signer=OTHER_SIGNER).fraud(0, U1, BLOCKS[1], 1, BLOCKS)
    assert refused(other) == (Verdict.BAD_SIGNATURE, "note")
    (present,) = OMITTED.segment.present
    shorter = replace(OMITTED.segment, present=(replace(present, postings=b"\x00"),))
    assert refused(replace(OMITTED, segment=shorter)) == (Verdict.BAD_ROOT, "terms")


def test_an_index_that_knows_other_events_is_not_blamed_for_them() -> None:
    segment = replace(INDEX.segments[0], entry=replace(INDEX.segments[0].entry, event_schema=2))
    index = replace(INDEX, segments=(segment, INDEX.segments[1]))
    assert refused(index.fraud(0, U1, BLOCKS[1], 1, BLOCKS)) == (Verdict.MALFORMED, "segment.event_schema")


def test_bytes_that_are_not_a_proof_are_malformed() -> None:
    data = OMITTED.format()
    for broken in (b"", data[1:], data + b"\x00", FIRST_LINE, bytes(MAX_FRAUD_BYTES + 1)):
        with pytest.raises(MalformedError):
            IndexFraud.parse(broken)
