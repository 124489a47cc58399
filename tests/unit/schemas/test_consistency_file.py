"""Proofs that one head is a prefix of another, as files."""

from dataclasses import replace

import pytest

from auditseal_schemas.consistency_file import ConsistencyFile
from auditseal_schemas.errors import MalformedError, VerificationError
from auditseal_schemas.merkle import consistency_proof
from auditseal_schemas.rotation import Rotation
from auditseal_schemas.verdict import Verdict
from tests.factory.vaults import ORIGINS, make_log, make_trust
from tests.unit.schemas.test_event_proof import rotated_blocks

LOG = ORIGINS[0]
BLOCKS = make_log(LOG, (1, 2, 3, 1, 1))
LEAVES = [block.leaf for block in BLOCKS]
TRUST = make_trust(LOG)
FILE = ConsistencyFile(BLOCKS[2].note, tuple(consistency_proof(LEAVES, 3)), BLOCKS[4].note)
TEXT = FILE.format()


def test_a_file_is_read_as_it_was_written_and_holds() -> None:
    assert ConsistencyFile.parse(TEXT) == FILE
    old, new = FILE.check(TRUST)
    assert (old, new) == (BLOCKS[2].checkpoint, BLOCKS[4].checkpoint)


def test_a_file_with_a_rotation_holds() -> None:
    blocks = rotated_blocks()
    path = consistency_proof([block.leaf for block in blocks], 1)
    file = ConsistencyFile(blocks[0].note, tuple(path), blocks[2].note, (Rotation.of(blocks[1]),))
    assert ConsistencyFile.parse(file.format()) == file
    file.check(TRUST)
    with pytest.raises(VerificationError) as caught:
        replace(file, rotations=()).check(TRUST)
    assert caught.value.verdict is Verdict.BAD_SIGNATURE


def test_heads_of_two_logs_are_refused() -> None:
    other = make_log(ORIGINS[1], (1,))[0]
    with pytest.raises(VerificationError) as caught:
        replace(FILE, old=other.note).check(TRUST)
    assert (caught.value.verdict, caught.value.field) == (Verdict.BAD_ROOT, "checkpoint.origin")


def test_heads_of_a_log_that_is_not_pinned_are_refused() -> None:
    with pytest.raises(VerificationError) as caught:
        FILE.check(make_trust(ORIGINS[1]))
    assert caught.value.verdict is Verdict.MISSING_LOG


def test_another_path_is_refused() -> None:
    with pytest.raises(VerificationError) as caught:
        replace(FILE, path=FILE.path[::-1]).check(TRUST)
    assert caught.value.verdict is Verdict.BAD_ROOT


@pytest.mark.parametrize(
    ("data", "field"),
    [
        (b"x" * ((1 << 20) + 1), "proof"),
        (TEXT.replace(b"auditseal/", b"auditsael/", 1), "proof"),
        (TEXT.replace(b"old ", b"odl ", 1), "proof"),
        (b"auditseal/consistency@v1\n\n", "proof"),
        (b"auditseal/consistency@v1", "proof"),
        (TEXT.replace(b"old ", b"old !", 1), "proof.old"),
        (TEXT.replace(b"\n\n", b"\n" + b"AAAA\n" * 65 + b"\n", 1), "proof.path"),
        (TEXT.replace(b"\n\n", b"\nAAAA\n\n", 1), "proof.path"),
        (TEXT.replace(b"\n\n", b"\nAAB=\n\n", 1), "proof.path"),
    ],
)
def test_a_text_that_is_not_a_file_is_malformed(data: bytes, field: str) -> None:
    with pytest.raises(MalformedError) as caught:
        ConsistencyFile.parse(data)
    assert caught.value.field == field
