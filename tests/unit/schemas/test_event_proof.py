"""Proofs of records: what they hold, and that what does not hold is refused with its verdict."""

from dataclasses import replace

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.event_proof import check_record_proof, prove_record
from auditseal_schemas.limits import MAX_HEIGHT
from auditseal_schemas.merkle import leaf_hash
from auditseal_schemas.rotation import Rotation
from auditseal_schemas.schema import decode_value, encode_value
from auditseal_schemas.tlog_proof import MAX_PROOF_BYTES, TlogProof
from auditseal_schemas.trust import PinnedLog, Start, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import SIGNER, keys_of, signing_key
from tests.factory.vaults import ORIGINS, genesis, make_log, make_trust, seal

LOG = ORIGINS[0]
BLOCKS = make_log(LOG, (4, 3, 5))
TRUST = make_trust(LOG)
PROOF = prove_record(BLOCKS[2], 1)


def refused(proof: TlogProof, trust: Trust = TRUST) -> tuple[Verdict, str]:
    with pytest.raises(VerificationError) as caught:
        check_record_proof(proof, trust)
    return caught.value.verdict, caught.value.field


def with_extra(**changes: object) -> TlogProof:
    return replace(PROOF, extra=encode_value("event_proof", decode_value("event_proof", PROOF.extra) | changes))


def test_a_proof_holds_the_record_and_what_leads_to_the_checkpoint() -> None:
    proven = check_record_proof(PROOF, TRUST)
    assert proven.record == list(BLOCKS[2].records())[1]
    assert (proven.header, proven.index, proven.checkpoint) == (BLOCKS[2].header, 1, BLOCKS[2].checkpoint)
    assert proven.keys == keys_of(LOG)


def test_there_is_no_proof_of_a_record_that_is_not_there() -> None:
    for index in (-1, 5):
        with pytest.raises(IndexError, match=f"no record {index} in a block of 5"):
            prove_record(BLOCKS[2], index)


def test_a_checkpoint_of_another_log_is_refused() -> None:
    other = make_log(ORIGINS[1], (4, 3, 5))[2]
    assert refused(replace(PROOF, note=other.note)) == (Verdict.BAD_ROOT, "checkpoint.origin")


def test_a_log_that_is_not_pinned_is_missing() -> None:
    assert refused(PROOF, make_trust(ORIGINS[1])) == (Verdict.MISSING_LOG, "origin")


def test_a_header_of_another_height_is_refused() -> None:
    assert refused(replace(PROOF, index=1)) == (Verdict.BROKEN_CHAIN, "height")


def test_a_block_below_the_pinned_start_is_not_trusted() -> None:
    start = Start(3, BLOCKS[2].next_frontier.root)
    assert refused(PROOF, make_trust(LOG, starts={LOG: start})) == (Verdict.MISSING_LOG, "height")


def test_a_record_at_another_place_is_refused() -> None:
    assert refused(with_extra(index=2)) == (Verdict.BAD_ROOT, "inclusion proof")
    assert refused(with_extra(link=bytes(32))) == (Verdict.BAD_ROOT, "inclusion proof")


@pytest.mark.parametrize("changes", [{"link": b"short"}, {"path": b"short"}])
def test_hashes_are_whole(changes: dict[str, bytes]) -> None:
    assert refused(with_extra(**changes)) == (Verdict.MALFORMED, "proof.path")


def sealed_with_a_false_offset() -> TlogProof:
    """A proof from a key holder whose header gives the record another offset than the record says."""
    from auditseal_schemas.checkpoint import Checkpoint
    from auditseal_schemas.note import sign_note

    block = make_log(LOG, (4,))[0]
    header = replace(block.header, first_offset=0, last_offset=block.header.last_offset)
    shifted = replace(header, first_offset=10, last_offset=header.last_offset + 10)
    leaf = leaf_hash(shifted.format())
    note = sign_note(Checkpoint(LOG, 1, block.frontier.append(leaf).root).format(), str(LOG), [SIGNER])
    return prove_record(Block(shifted, leaf, block.frontier, note, block.locators, block.chunks), 0)


def test_a_record_at_another_offset_than_its_header_says_is_refused() -> None:
    assert refused(sealed_with_a_false_offset()) == (Verdict.BAD_RECORD, "record.offset")


SECOND = signing_key("second")


def rotated_blocks() -> list[Block]:
    """Two blocks by the pinned key, of which the second announces the key of the third."""
    state, blocks = genesis(LOG, SIGNER), []
    announced = (str(keys_of(LOG, SECOND)[0]),)
    for number, signer in enumerate((SIGNER, SIGNER, SECOND)):
        blocks.append(seal(state, 2, signers=(signer,), next_keys=announced if number == 1 else ()))
        state = state.accept(blocks[-1])
    return blocks


def test_a_rotation_leads_to_the_next_key_and_nothing_else_does() -> None:
    first, second, third = rotated_blocks()
    proof = prove_record(third, 0, [Rotation.of(second)])
    assert check_record_proof(proof, TRUST).keys == keys_of(LOG, SECOND)
    assert refused(prove_record(third, 0))[0] is Verdict.BAD_SIGNATURE
    assert refused(prove_record(third, 0, [Rotation.of(first)])) == (Verdict.BAD_KEY, "rotations")
    assert refused(prove_record(third, 0, [Rotation.of(second)] * 2)) == (Verdict.BAD_KEY, "rotations")
    other = Rotation.of(make_log(ORIGINS[1], (1,))[0])
    assert refused(prove_record(third, 0, [other])) == (Verdict.BAD_KEY, "rotations")
    assert refused(prove_record(second, 0, [Rotation.of(second)])) == (Verdict.BAD_KEY, "rotations")
    forged = Rotation(replace(second, note=first.note))
    assert refused(prove_record(third, 0, [forged]))[0] is Verdict.BAD_ROOT


def test_a_rotation_below_the_pinned_start_is_refused() -> None:
    _, second, third = rotated_blocks()
    trust = Trust((PinnedLog(LOG, keys_of(LOG), Start(2, third.frontier.root)),))
    assert refused(prove_record(third, 0, [Rotation.of(second)]), trust) == (Verdict.BAD_KEY, "rotations")


def test_a_rotation_is_read_as_it_was_written() -> None:
    rotation = Rotation.of(rotated_blocks()[1])
    assert Rotation.parse(rotation.format()) == rotation
    with pytest.raises(MalformedError):
        Rotation.parse(rotation.format()[:-1])


def test_a_proof_is_read_as_it_was_written() -> None:
    assert TlogProof.parse(PROOF.format()) == PROOF
    without = replace(PROOF, extra=b"")
    assert TlogProof.parse(without.format()) == without


TEXT = PROOF.format()


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"x" * (MAX_PROOF_BYTES + 1), "proof"),
        (TEXT.replace(b"c2sp.org", b"c3sp.org"), "proof"),
        (b"c2sp.org/tlog-proof@v1", "proof"),
        (TEXT.replace(b"index", b"ind\xc3\xabx"), "proof"),
        (b"c2sp.org/tlog-proof@v1\n\n", "proof.index"),
        (TEXT.replace(b"index 2", b"index 02"), "proof.index"),
        (TEXT.replace(b"index 2", b"index %d0" % MAX_HEIGHT), "proof.index"),
        (TEXT.replace(b"index 2\n", b"index 2\n" + b"AAAA\n" * 64), "proof.path"),
        (TEXT.replace(b"index 2\n", b"index 2\nAAAA\n"), "proof.path"),
        (TEXT.replace(b"index 2\n", b"index 2\nA\n"), "proof.path"),
        (TEXT.replace(b"index 2\n", b"index 2\n" + b"A" * 42 + b"B=\n"), "proof.path"),
        (TEXT.replace(b"extra ", b"extra !"), "proof.extra"),
        (b"c2sp.org/tlog-proof@v1\nextra \n" + TEXT[TEXT.index(b"index") :], "proof.extra"),
    ],
)
def test_a_text_that_is_not_a_proof_is_malformed(data: bytes, field: str) -> None:
    with pytest.raises(MalformedError) as caught:
        TlogProof.parse(data)
    assert caught.value.field == field
