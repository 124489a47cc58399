"""Proofs that one head is a prefix of another, as files."""

from dataclasses import replace

import pytest

from auditseal_schemas import consistency_file
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


def test_the_older_head_is_signed_by_the_keys_of_its_own_height() -> None:
    """Block 1 announces the key of block 2: it counts for a head of block 2, and not for one of block 1 or 0."""
    blocks = rotated_blocks()
    leaves, rotations = [block.leaf for block in blocks], (Rotation.of(blocks[1]),)
    for size in (1, 2, 3):
        path = tuple(consistency_proof(leaves, size))
        old, new = ConsistencyFile(blocks[size - 1].note, path, blocks[2].note, rotations).check(TRUST)
        assert (old.size, new.size) == (size, 3)


def test_a_block_does_not_announce_the_keys_of_its_own_head() -> None:
    blocks = rotated_blocks()
    path = tuple(consistency_proof([block.leaf for block in blocks[:2]], 1))
    with pytest.raises(VerificationError) as caught:
        ConsistencyFile(blocks[0].note, path, blocks[1].note, (Rotation.of(blocks[1]),)).check(TRUST)
    assert (caught.value.verdict, caught.value.field) == (Verdict.BAD_KEY, "rotations")


def test_a_file_of_the_most_bytes_hashes_and_rotations_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    rotation = Rotation.of(rotated_blocks()[1])
    largest = replace(FILE, path=(bytes(32),) * 64, rotations=(rotation,) * 64)
    assert ConsistencyFile.parse(largest.format()) == largest
    for more in (replace(FILE, path=(bytes(32),) * 65), replace(FILE, rotations=(rotation,) * 65)):
        with pytest.raises(MalformedError, match="more than 64 hashes or 64 rotations"):
            ConsistencyFile.parse(more.format())
    assert consistency_file._MAX_BYTES == 1 << 20
    monkeypatch.setattr(consistency_file, "_MAX_BYTES", len(TEXT))
    assert ConsistencyFile.parse(TEXT) == FILE
    with pytest.raises(MalformedError, match="exceeds"):
        ConsistencyFile.parse(TEXT + b"x")


def test_heads_of_one_size_need_no_hash() -> None:
    same = ConsistencyFile(BLOCKS[2].note, (), BLOCKS[2].note)
    assert ConsistencyFile.parse(same.format()) == same
    assert same.check(TRUST) == (BLOCKS[2].checkpoint, BLOCKS[2].checkpoint)


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
