"""Proofs of completeness: what they establish, and that each false claim is refused with its own message."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from auditseal_schemas.completeness_proof import FIRST_LINE, MAX_COMPLETENESS_BYTES, CompletenessProof, LogCoverage
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.rotation import Rotation
from auditseal_schemas.schema import decode_value, encode_value
from auditseal_schemas.segment_proof import SegmentProof
from auditseal_schemas.term import Term
from auditseal_schemas.term_tree import Present
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import OTHER_SIGNER, SIGNER, keys_of, signing_key
from tests.factory.plain_index import INDEX_KEY, PlainIndex, PlainSegment, event_log
from tests.factory.vaults import ORIGINS

LOG, OTHER = ORIGINS
BLOCKS = event_log(LOG, (4, 3, 0, 6, 5, 2))
OTHERS = event_log(OTHER, (3, 2))
INDEX = PlainIndex(
    (
        PlainSegment.of(BLOCKS[:1]),
        PlainSegment.of(OTHERS),
        PlainSegment.of(BLOCKS[1:3]),
        PlainSegment.of(BLOCKS[3:5]),
        PlainSegment.of(BLOCKS[5:]),
    )
)
TRUST = Trust((PinnedLog(LOG, keys_of(LOG)), PinnedLog(OTHER, keys_of(OTHER))), indexes=(INDEX_KEY,))
READ, U1, NOBODY = Term("action", "read"), Term("actor.id", "u-1"), Term("actor.id", "u-1842")
BOTH = INDEX.prove(READ, U1)


def refused(proof: CompletenessProof, trust: Trust = TRUST) -> str:
    with pytest.raises(VerificationError) as caught:
        CompletenessProof.parse(proof.format()).check(trust)
    return str(caught.value)


def with_segments(proof: CompletenessProof, change: Callable[[list[SegmentProof]], object]) -> CompletenessProof:
    """Change the segments of the first log."""
    segments = list(proof.logs[0].segments)
    change(segments)
    return replace(proof, logs=(replace(proof.logs[0], segments=tuple(segments)), *proof.logs[1:]))


def test_a_proof_is_read_as_it_was_written() -> None:
    for proof in (BOTH, INDEX.prove(NOBODY)):
        assert CompletenessProof.parse(proof.format()) == proof


def test_a_proof_names_all_records_with_all_the_terms() -> None:
    found = BOTH.check(TRUST)
    assert [(log.origin, log.offsets) for log in found.logs] == [(LOG, (5, 9, 17)), (OTHER, ())]
    assert [(log.first_height, log.head) for log in found.logs] == [
        (0, BLOCKS[-1].checkpoint),
        (0, OTHERS[-1].checkpoint),
    ]
    assert (found.terms, found.index, found.head.size, found.not_covered) == ((READ, U1), INDEX_KEY, 5, ())


def test_a_plain_loop_finds_the_same_records() -> None:
    from auditseal_schemas.term import terms_of

    every = {term for segment in INDEX.segments for term in segment.postings}
    for term in every:
        hits = tuple(r.offset for block in BLOCKS for r in block.records() if term in terms_of(r))
        assert INDEX.prove(term).check(TRUST).logs[0].offsets == hits


def test_a_term_that_nothing_has_is_absent_everywhere() -> None:
    found = INDEX.prove(NOBODY).check(TRUST)
    assert [log.offsets for log in found.logs] == [(), ()]
    assert [len(answer.present) for answer in INDEX.prove(NOBODY).logs[0].segments] == [0, 0, 0, 0]


def test_a_log_that_the_proof_leaves_out_is_named() -> None:
    assert replace(BOTH, logs=BOTH.logs[:1]).check(TRUST).not_covered == (OTHER,)


def dropped_posting(segments: list[SegmentProof]) -> None:
    one = segments[2].present[0]
    segments[2] = replace(segments[2], present=(replace(one, postings=one.postings[:-1]), *segments[2].present[1:]))


def forged_entry(segments: list[SegmentProof]) -> None:
    segments[1] = replace(segments[1], segment=replace(segments[1].segment, terms_root=segments[2].segment.terms_root))


def foreign_tree(segments: list[SegmentProof]) -> None:
    segments[1] = replace(segments[1], present=segments[2].present, absent=segments[2].absent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dropped_posting, "BAD_ROOT: terms: the term is not term"),
        (forged_entry, "BAD_ROOT: index log: the segment from block 1 is not entry 2: it leads to another root"),
        (foreign_tree, "BAD_ROOT: terms: the term is not term"),
        (
            lambda segments: segments.pop(1),
            "BROKEN_CHAIN: height: the segment after block 0 begins at block 3: segments are left out or overlap",
        ),
        (lambda segments: segments.pop(0), "the index covers a.example/audit.events/0/0 from block 1, not from 0"),
        (lambda segments: segments.reverse(), "from block 5, not from 0"),
        (lambda segments: segments.insert(1, segments[0]), "the segment after block 0 begins at block 0"),
        (lambda segments: segments.clear(), "MALFORMED: proof.segments: a log has none"),
        (
            lambda segments: segments.insert(1, BOTH.logs[1].segments[0]),
            "BROKEN_CHAIN: origin: a segment of a.example/audit.events/0/0 is of another log",
        ),
    ],
)
def test_a_lie_is_refused_with_its_own_message(change: Callable[[list[SegmentProof]], object], message: str) -> None:
    assert message in refused(with_segments(BOTH, change))


def test_a_segment_that_begins_at_another_offset_is_refused() -> None:
    shifted = replace(INDEX.segments[2], entry=replace(INDEX.segments[2].entry, first_offset=3))
    index = replace(INDEX, segments=(*INDEX.segments[:2], shifted, *INDEX.segments[3:]))
    assert "segments are left out or overlap" in refused(index.prove(NOBODY))


def test_a_block_without_records_cannot_be_left_out_either() -> None:
    """No offset is missing then, only a height."""
    bounds = ((0, 1), (1, 2), (2, 3), (3, 6))
    index = PlainIndex(tuple(PlainSegment.of(BLOCKS[first:end]) for first, end in bounds))
    proof = index.prove(READ)
    trust = replace(TRUST, logs=TRUST.logs[:1])
    assert proof.check(trust).logs[0].head.size == 6
    assert "the segment after block 1 begins at block 3" in refused(
        with_segments(proof, lambda segments: segments.pop(2)), trust
    )


def test_an_absent_term_needs_its_own_neighbours() -> None:
    other = INDEX.prove(Term("actor.id", "u-5")).logs[0].segments[0]
    assert other.absent is not None
    assert other.absent[1].position != INDEX.segments[0].absent(NOBODY).position
    moved = with_segments(INDEX.prove(NOBODY), lambda found: found.__setitem__(0, other))
    assert "BROKEN_CHAIN: terms.absent: the neighbours do not enclose the term" in refused(moved)


def test_an_index_that_is_not_pinned_is_missing() -> None:
    assert "MISSING_LOG: index: the trust file does not pin the index 'other.example'" in refused(
        replace(INDEX, name="other.example").prove(READ)
    )
    assert "add its index line" in refused(BOTH, replace(TRUST, indexes=()))


def test_another_key_of_the_index_is_refused() -> None:
    assert refused(replace(INDEX, signer=OTHER_SIGNER).prove(READ)).startswith(
        f"BAD_SIGNATURE: note: it has 0 signatures by index.example.com+{INDEX_KEY.key_id.hex()}"
    )


def test_a_stale_checkpoint_of_the_index_does_not_have_the_newer_entries() -> None:
    stale = replace(INDEX, segments=INDEX.segments[:4]).note
    assert "is not entry" in refused(replace(BOTH, note=stale))
    ended = replace(INDEX.prove(NOBODY), note=replace(INDEX, segments=INDEX.segments[:1]).note)
    assert "index 1 is outside a tree of 1" in refused(replace(ended, logs=ended.logs[1:]))


def test_a_log_that_is_not_pinned_is_missing() -> None:
    assert "MISSING_LOG: origin" in refused(BOTH, replace(TRUST, logs=TRUST.logs[:1]))


def test_a_head_that_the_log_did_not_sign_is_refused() -> None:
    """An index of another history: its owner could claim anything, and no record of the log would show it."""
    forged = event_log(LOG, (4, 3, 0, 6, 5, 2), signers=(OTHER_SIGNER,))
    index = replace(INDEX, segments=(*INDEX.segments[:4], PlainSegment.of(forged[5:])))
    assert refused(index.prove(READ)).startswith("BAD_SIGNATURE: note: it has 0 signatures by a.example")
    middle = (INDEX.segments[0], INDEX.segments[1], PlainSegment.of(forged[1:3]), *INDEX.segments[3:])
    assert refused(replace(INDEX, segments=middle).prove(READ)).startswith("BAD_SIGNATURE")


SECOND = signing_key("second")
ROTATED = event_log(LOG, (2, 2, 2), (SIGNER, SECOND), [str(keys_of(LOG, SECOND)[0])])


def test_a_rotation_leads_to_the_keys_of_later_segments() -> None:
    index = PlainIndex((PlainSegment.of(ROTATED[:1]), PlainSegment.of(ROTATED[1:])))
    proof = index.prove(READ)
    trust = replace(TRUST, logs=TRUST.logs[:1])
    assert "BAD_SIGNATURE" in refused(proof, trust)
    led = replace(proof, logs=(replace(proof.logs[0], rotations=(Rotation.of(ROTATED[0]),)),))
    assert CompletenessProof.parse(led.format()).check(trust).logs[0].offsets == (0, 2, 3, 5)
    late = replace(proof, logs=(replace(proof.logs[0], rotations=(Rotation.of(ROTATED[0]), Rotation.of(ROTATED[2]))),))
    assert "BAD_KEY" in refused(late, trust)


def test_from_a_pinned_start_the_segments_below_need_no_keys() -> None:
    start = Start(3, BLOCKS[3].frontier.root)
    trust = replace(TRUST, logs=(PinnedLog(LOG, keys_of(LOG), start), TRUST.logs[1]))
    assert BOTH.check(trust).logs[0].first_height == 0
    later = with_segments(BOTH, lambda segments: segments.__delitem__(slice(0, 2)))
    assert later.check(trust).logs[0].first_height == 3
    assert "from block 5, not from 3" in refused(with_segments(later, lambda segments: segments.pop(0)), trust)
    foreign = replace(trust, logs=(PinnedLog(LOG, keys_of(LOG, OTHER_SIGNER), start), TRUST.logs[1]))
    assert "BAD_SIGNATURE" in refused(later, foreign)
    below = replace(INDEX, segments=(PlainSegment.of(event_log(LOG, (4,), (OTHER_SIGNER,))), *INDEX.segments[1:]))
    assert below.prove(READ).check(trust).logs[0].first_height == 0


def test_logs_are_there_once_and_in_order() -> None:
    for logs in ((), BOTH.logs[::-1], (BOTH.logs[0], BOTH.logs[0])):
        assert "MALFORMED: proof.logs" in refused(replace(BOTH, logs=logs))


def test_terms_are_there_once_and_in_order() -> None:
    for terms in ((), (U1, READ), (READ, READ)):
        assert "MALFORMED: proof.terms" in refused(replace(BOTH, terms=terms))


def test_each_segment_answers_for_each_term() -> None:
    def fewer(segments: list[SegmentProof]) -> None:
        segments[2] = replace(segments[2], present=segments[2].present[:1])

    def more(segments: list[SegmentProof]) -> None:
        segments[2] = replace(segments[2], absent=(0, INDEX.segments[3].absent(NOBODY)))

    assert "segment.present: it answers 1 of 2 terms" in refused(with_segments(BOTH, fewer))
    assert "segment.absent: term 0 is absent, beside 2 present" in refused(with_segments(BOTH, more))
    one = INDEX.prove(NOBODY)
    for number in (-1, 1):

        def other(segments: list[SegmentProof], number: int = number) -> None:
            assert segments[0].absent is not None
            segments[0] = replace(segments[0], absent=(number, segments[0].absent[1]))

        assert f"term {number} is absent" in refused(with_segments(one, other))


def test_rules_of_terms_that_this_version_does_not_know_are_refused() -> None:
    newer = replace(INDEX.segments[0], entry=replace(INDEX.segments[0].entry, extractor=2))
    index = replace(INDEX, segments=(newer, *INDEX.segments[1:]))
    assert "its terms follow rules of version 2, and this version knows 1" in refused(index.prove(READ))


@pytest.mark.parametrize("proof", [BOTH, INDEX.prove(NOBODY)])
def test_bytes_that_are_not_a_proof_are_malformed(proof: CompletenessProof) -> None:
    data = proof.format()
    for broken in (b"", data[1:], data + b"\x00", FIRST_LINE, bytes(MAX_COMPLETENESS_BYTES + 1)):
        with pytest.raises(MalformedError):
            CompletenessProof.parse(broken)


def test_paths_are_whole_hashes() -> None:
    value = decode_value("completeness_proof", BOTH.format().removeprefix(FIRST_LINE))
    value["logs"][0]["segments"][0]["path"] += b"\x00"
    with pytest.raises(MalformedError, match="not whole hashes of 32"):
        CompletenessProof.parse(FIRST_LINE + encode_value("completeness_proof", value))


def test_a_present_term_with_foreign_postings_is_refused_before_they_are_read() -> None:
    def empty(segments: list[SegmentProof]) -> None:
        segments[2] = replace(segments[2], present=(Present(0, b"", ()), segments[2].present[1]))

    assert "MALFORMED: terms.leaf" in refused(with_segments(BOTH, empty))


def test_every_kind_of_change_of_a_byte_is_refused() -> None:
    """A slice of what `tests/property/test_core_index_proof_properties.py` does with every byte."""
    for proof in (BOTH, INDEX.prove(NOBODY)):
        data = proof.format()
        for position in range(0, len(data), 97):
            changed = bytearray(data)
            changed[position] ^= 1 << position % 8
            with pytest.raises(VerificationError):
                CompletenessProof.parse(bytes(changed)).check(TRUST)


def test_verdicts_of_the_lies() -> None:
    with pytest.raises(VerificationError) as caught:
        with_segments(BOTH, lambda segments: segments.pop(1)).check(TRUST)
    assert caught.value.verdict is Verdict.BROKEN_CHAIN
    with pytest.raises(MalformedError):
        replace(BOTH, logs=(LogCoverage((), ()),)).check(TRUST)
