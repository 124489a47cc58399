"""One block or record by itself: found among others, in gaps, between versions, and with the keys valid there."""

import pytest

from auditseal_auditor.blocks.single_block import find_height, find_record, read_single
from auditseal_auditor.errors import RecordNotFoundError
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import MalformedError, UnavailableError, VerificationError
from auditseal_schemas.trust import PinnedLog, Start
from auditseal_schemas.verdict import Verdict
from auditseal_vault.errors import NotStoredError
from auditseal_vault.head import stored_height
from auditseal_vault.log_reader import LogReader
from tests.factory.blocks import resigned
from tests.factory.keys import OTHER_SIGNER, SIGNER, keys_of
from tests.factory.vaults import (
    ORIGINS,
    MemoryVault,
    Version,
    genesis,
    make_log,
    make_messages,
    make_vault,
    put_log,
    seal,
)

LOG = ORIGINS[0]


PINNED = PinnedLog(LOG, keys_of(LOG))


@pytest.mark.parametrize("sizes", [(4,), (1, 1), (4, 3, 5, 0, 2), (0, 0, 1, 0), (2,) * 9], ids=str)
def test_the_block_of_every_offset_is_found(sizes: tuple[int, ...]) -> None:
    vault, _ = make_vault(sizes=sizes)
    heights = [height for height, size in enumerate(sizes) for _ in range(size)]
    assert [find_height(vault, LOG, offset) for offset in range(len(heights))] == heights
    with pytest.raises(RecordNotFoundError, match=f"sealed up to offset {len(heights) - 1}; {len(heights)} is not"):
        find_height(vault, LOG, len(heights))


def test_a_few_blocks_are_read_to_find_one(monkeypatch: pytest.MonkeyPatch) -> None:
    vault, _ = make_vault(sizes=(1,) * 64)
    read, keys = vault.read, []
    monkeypatch.setattr(vault, "read", lambda key, version_id="": keys.append(key) or read(key, version_id))
    assert find_height(vault, LOG, 0) == 0
    assert len(keys) <= 8


def test_an_offset_above_a_missing_block_is_found() -> None:
    """Asking for few keys finds no block above the hole: then the keys are listed."""
    vault, _ = make_vault(sizes=(1,) * 64)
    del vault.objects[LOG.block_key(32)]
    assert stored_height(vault, LOG) == 31
    assert [find_height(vault, LOG, offset) for offset in (60, 63)] == [60, 63]
    assert find_height(vault, LOG, 20) == 20
    with pytest.raises(RecordNotFoundError, match="sealed up to offset 63; 64 is not in the vault"):
        find_height(vault, LOG, 64)
    with pytest.raises(NotStoredError, match="no block 32 of"):
        find_height(vault, LOG, 32)


def test_an_offset_at_the_end_of_the_block_below_a_hole_needs_no_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    vault, _ = make_vault(sizes=(1,) * 64)
    del vault.objects[LOG.block_key(32)]
    monkeypatch.setattr(LogReader, "head", lambda _: pytest.fail("the head isn't needed"))
    assert find_height(vault, LOG, 31) == 31


def test_a_log_whose_first_blocks_have_expired_is_searched_from_its_start() -> None:
    vault, _ = make_vault(sizes=(1,) * 64)
    for height in range(40):
        del vault.objects[LOG.block_key(height)]
    assert [find_height(vault, LOG, offset, 40) for offset in range(40, 64)] == list(range(40, 64))


def gapped() -> Block:
    """Return a block that holds the offsets 2, 3, 6, 7 and 9: the offsets below 2 were deleted before the log began."""
    draft = BlockDraft(genesis(LOG), BlockLimits(), log_start=2)
    draft.extend(make_messages(LOG, (2, 3, 6, 7, 9)))
    return draft.seal(SourceIdentity("C", "T", 1, 0), [SIGNER], now=1, sealer="auditseal/test")


def test_a_record_is_found_or_its_gap_or_neither() -> None:
    block = gapped()
    assert [find_record(block, offset).offset for offset in (2, 3, 6, 7, 9)] == [2, 3, 6, 7, 9]
    for offset, words in (
        (0, "0 to 1: deleted before the log began"),
        (1, "0 to 1: deleted before the log began"),
        (4, "4 to 5: a transaction marker, or compacted away"),
        (5, "4 to 5: a transaction marker, or compacted away"),
        (8, "8 to 8: a transaction marker, or compacted away"),
        (10, "holds the offsets 0 to 9, and not 10: leave the height out"),
    ):
        with pytest.raises(RecordNotFoundError, match=words):
            find_record(block, offset)


def test_the_oldest_version_of_just_this_key_is_read() -> None:
    vault, logs = make_vault()
    key = LOG.block_key(1)
    good = vault.objects[key][0]
    vault.objects[key] = [
        Version("m0", None, None),
        good,
        Version("v2", b"garbage", None),
        Version("m1", None, None),
    ]
    vault.put(f"{key}.bak", b"garbage")
    single = read_single(vault, PINNED, 1)
    assert (single.block, single.object, single.version_id) == (logs[0][1], key, "v1")
    vault.objects[key] = [Version("m0", None, None)]
    with pytest.raises(VerificationError, match="delete marker and no block") as refusal:
        read_single(vault, PINNED, 1)
    assert (refusal.value.verdict, refusal.value.field) == (Verdict.BAD_STORAGE, "object")
    del vault.objects[key]
    with pytest.raises(NotStoredError, match="holds no block 1"):
        read_single(vault, PINNED, 1)


def test_a_block_without_content_is_a_fault_of_the_storage() -> None:
    vault, _ = make_vault()
    vault.unreadable.add(LOG.block_key(1))
    for read in (lambda: read_single(vault, PINNED, 1), lambda: find_height(vault, LOG, 0)):
        with pytest.raises(VerificationError, match="has no content for it") as refusal:
            read()
        assert (refusal.value.verdict, refusal.value.field) == (Verdict.BAD_STORAGE, "object")
        assert "runbook" not in str(refusal.value)


def test_a_block_that_the_pinned_keys_sign_needs_no_other() -> None:
    """Not even one that is there: what it says of the keys is that they are the pinned ones."""
    vault, _ = make_vault()
    for height in (0, 1):
        vault.replace(LOG.block_key(height), b"")
    single = read_single(vault, PINNED, 2)
    assert (single.is_rotated, single.keys) == (False, PINNED.keys)


def rotated(count: int) -> list[Block]:
    """Return a log whose first block names another key for all that follow."""
    new = tuple(str(key) for key in keys_of(LOG, OTHER_SIGNER))
    state, blocks = genesis(LOG), []
    for height in range(count):
        signer, next_keys = (SIGNER, new) if height == 0 else (OTHER_SIGNER, ())
        blocks.append(seal(state, 2, partitions=1, signers=[signer], next_keys=next_keys))
        state = state.accept(blocks[-1])
    return blocks


@pytest.mark.parametrize("height", [1, 2, 3])
def test_keys_are_followed_from_the_first_block_on(height: int) -> None:
    vault = MemoryVault()
    put_log(vault, rotated(4))
    single = read_single(vault, PINNED, height)
    assert (single.is_rotated, single.keys) == (True, keys_of(LOG, OTHER_SIGNER))


def test_the_blocks_that_lead_to_the_keys_must_be_signed_and_none_above_is_read() -> None:
    blocks = rotated(4)
    for height, harmed in (
        (0, resigned(blocks[0], signers=[OTHER_SIGNER])),
        (0, resigned(blocks[0], next_keys=())),
        (2, resigned(blocks[2], signers=[SIGNER], sealer="x")),
    ):
        vault = MemoryVault()
        put_log(vault, blocks)
        vault.replace(LOG.block_key(3), b"")
        assert read_single(vault, PINNED, 2).is_rotated
        vault.replace(LOG.block_key(height), harmed.format())
        if height == 2:
            assert not read_single(vault, PINNED, 2).is_rotated
            continue
        with pytest.raises(VerificationError) as refusal:
            read_single(vault, PINNED, 2)
        assert (refusal.value.verdict, refusal.value.field) == (Verdict.BAD_SIGNATURE, "note")


def test_few_blocks_are_read_to_follow_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    vault = MemoryVault()
    put_log(vault, rotated(64))
    read, keys = vault.read, []
    monkeypatch.setattr(vault, "read", lambda key, version_id="": keys.append(key) or read(key, version_id))
    assert read_single(vault, PINNED, 63).is_rotated
    assert len(keys) <= 9


def test_a_block_below_the_start_is_signed_by_the_pinned_keys_or_not_at_all() -> None:
    blocks = rotated(4)
    vault = MemoryVault()
    put_log(vault, blocks)
    pinned = PinnedLog(LOG, keys_of(LOG, OTHER_SIGNER), Start(2, blocks[2].frontier.root))
    assert not read_single(vault, pinned, 1).is_rotated
    with pytest.raises(VerificationError) as refusal:
        read_single(vault, pinned, 0)
    assert (refusal.value.verdict, refusal.value.field) == (Verdict.BAD_SIGNATURE, "note")


def test_what_lies_below_the_start_is_not_read_to_follow_the_keys() -> None:
    blocks = make_log(LOG, (1,), partitions=1)
    state = genesis(LOG).accept(blocks[0])
    new = tuple(str(key) for key in keys_of(LOG, OTHER_SIGNER))
    blocks.append(seal(state, 2, partitions=1, next_keys=new))
    state = state.accept(blocks[1])
    blocks.append(seal(state, 2, partitions=1, signers=[OTHER_SIGNER]))
    vault = MemoryVault()
    put_log(vault, blocks)
    vault.broken = LOG.block_key(0)
    single = read_single(vault, PinnedLog(LOG, keys_of(LOG), Start(1, blocks[1].frontier.root)), 2)
    assert (single.is_rotated, single.keys) == (True, keys_of(LOG, OTHER_SIGNER))
    with pytest.raises(UnavailableError):
        read_single(vault, PINNED, 2)


@pytest.mark.parametrize("height", [0, 2])
def test_a_block_of_another_log_or_height_is_not_it(height: int) -> None:
    vault, logs = make_vault()
    for other in (logs[1][1], logs[0][height]):
        vault.replace(LOG.block_key(1), other.format())
        with pytest.raises(VerificationError, match="holds block") as refusal:
            read_single(vault, PINNED, 1)
        assert (refusal.value.verdict, refusal.value.field) == (Verdict.BROKEN_CHAIN, "origin")


def test_a_block_on_the_way_that_is_none_is_told_as_such() -> None:
    vault, _ = make_vault(sizes=(1, 1, 1))
    vault.replace(LOG.block_key(1), b"")
    with pytest.raises(MalformedError):
        find_height(vault, LOG, 0)
    with pytest.raises(RecordNotFoundError, match="holds no block of"):
        find_height(MemoryVault(), LOG, 0)
