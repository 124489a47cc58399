"""Each attack on a log, and the finding that it must get at its place: docs/reference/format.md, section 14."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.container import Chunk, payload_digest
from auditseal_schemas.header import Extension, Gap
from auditseal_schemas.key import SigningKey
from auditseal_schemas.log import LogState
from auditseal_schemas.note import Note, sign_note
from auditseal_schemas.public_key import ED25519, ML_DSA_44
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.blocks import relocated, resigned, with_records
from tests.factory.keys import OTHER_SIGNER, SIGNER, keys_of
from tests.factory.streams import stored_deflate
from tests.factory.vaults import ORIGINS, MemoryVault, genesis, make_trust, make_vault, put_log, seal

LOG = ORIGINS[0]


def records_of(block: Block) -> list[bytes]:
    return list(block.encoded_records())


def flipped(block: Block) -> list[bytes]:
    records = records_of(block)
    records[1] = records[1].replace(b"number", b"numbed")
    return records


def swapped(block: Block) -> list[bytes]:
    records = records_of(block)
    return [records[0], records[2], records[1], *records[3:]]


def dropped(block: Block) -> list[bytes]:
    records = records_of(block)
    return [records[0], *records[2:]]


def inserted(block: Block) -> list[bytes]:
    records = records_of(block)
    return [records[0], records[0], *records[1:]]


@pytest.mark.parametrize("attack", [flipped, swapped, dropped, inserted])
def test_an_altered_record_is_named(attack: Callable[[Block], list[bytes]]) -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(1), with_records(logs[0][1], attack(logs[0][1])).format())
    assert places(audit(vault)) == [(Verdict.BAD_RECORD, 0, 1, 5, "record")]


@pytest.mark.parametrize("attack", [flipped, swapped, dropped, inserted])
def test_a_quick_check_sees_it_too_and_names_the_block(attack: Callable[[Block], list[bytes]]) -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(1), with_records(logs[0][1], attack(logs[0][1])).format())
    assert places(audit(vault, quick=True)) == [(Verdict.BAD_ROOT, 0, 1, None, "payload")]


def test_a_record_after_the_last_is_no_record_of_the_log() -> None:
    vault, logs = make_vault()
    records = records_of(logs[0][1])
    vault.replace(LOG.block_key(1), with_records(logs[0][1], [*records, records[-1]]).format())
    assert places(audit(vault)) == [(Verdict.BAD_ROOT, 0, 1, None, "payload")]


def lie(block: Block, records: list[bytes]) -> Block:
    """The block of a dishonest sealer: other records, with payload and locators to match, signed."""
    made, locators = with_records(block, records), relocated(block, records)
    payload = sha256(b"".join(chunk.prefix + chunk.deflated for chunk in made.chunks)).digest()
    signed = resigned(made, payload=payload, locators=sha256(locators).digest())
    return replace(signed, locators=locators)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"last_link": bytes(32)}, (Verdict.BAD_RECORD, 0, 2, None, "last_link")),
        ({"events_root": bytes(32)}, (Verdict.BAD_ROOT, 0, 2, None, "events_root")),
        ({"size": 10_000}, (Verdict.BAD_RECORD, 0, 2, None, "count")),
        ({"min_timestamp": 5}, (Verdict.BAD_RECORD, 0, 2, None, "min_timestamp")),
        ({"payload": bytes(32)}, (Verdict.BAD_ROOT, 0, 2, None, "payload")),
        ({"locators": bytes(32)}, (Verdict.BAD_ROOT, 0, 2, None, "locators")),
        ({"next_keys": ("x+00000000+AAAA",)}, (Verdict.BAD_KEY, 0, 2, None, "next_keys")),
        ({"cluster_id": "D"}, (Verdict.BROKEN_CHAIN, 0, 2, None, "cluster_id")),
        ({"topic_id": "U"}, (Verdict.BROKEN_CHAIN, 0, 2, None, "topic_id")),
        ({"partitions": 1}, (Verdict.BROKEN_CHAIN, 0, 2, None, "partitions")),
        ({"sealed_at": 1}, (Verdict.BROKEN_CHAIN, 0, 2, None, "sealed_at")),
        ({"last_leader_epoch": -1}, (Verdict.BROKEN_CHAIN, 0, 2, None, "last_leader_epoch")),
        ({"previous": bytes(32)}, (Verdict.BROKEN_CHAIN, 0, 2, None, "previous")),
        ({"first_link": bytes(32)}, (Verdict.BROKEN_CHAIN, 0, 2, None, "first_link")),
        ({"first_offset": 8, "last_offset": 12}, (Verdict.BROKEN_CHAIN, 0, 2, None, "first_offset")),
    ],
)
def test_a_sealer_that_lies_with_its_own_key_is_caught(changes: dict[str, object], place: tuple[object, ...]) -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(2), resigned(logs[0][2], **changes).format())
    assert places(audit(vault)) == [place]


def test_a_sealer_that_leaves_records_out_is_caught() -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(2), lie(logs[0][2], swapped(logs[0][2])).format())
    assert places(audit(vault)) == [(Verdict.BAD_RECORD, 0, 2, 8, "record.offset")]
    assert places(audit(vault, quick=True)) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"sealer": "x"}, "checkpoint.root"),
        ({"previous": bytes(32)}, "previous"),
        ({"height": 3}, "height"),
        ({"origin": ORIGINS[1]}, "origin"),
        ({"topic_id": "U"}, "topic_id"),
        ({"last_link": bytes(32)}, "checkpoint.root"),
        ({"payload": bytes(32)}, "checkpoint.root"),
        ({"final": True}, "checkpoint.root"),
        ({"gaps": (Gap(4, 4, 0),), "count": 2}, "checkpoint.root"),
        ({"extensions": (Extension("x", b""),)}, "checkpoint.root"),
    ],
)
def test_an_altered_header_is_one_finding_at_its_own_height(changes: dict[str, object], field: str) -> None:
    vault, logs = make_vault(sizes=(4, 3, 5, 2))
    height = 1
    header = replace(logs[0][height].header, **changes)  # type: ignore[arg-type]
    frontier = logs[0][3].frontier if header.height == 3 else logs[0][height].frontier
    vault.replace(LOG.block_key(height), replace(logs[0][height], header=header, frontier=frontier).format())
    verdict = Verdict.BAD_ROOT if field == "checkpoint.root" else Verdict.BROKEN_CHAIN
    assert places(audit(vault)) == [(verdict, 0, height, None, field)]


def signed_otherwise(block: Block, *signers: object) -> Block:
    return replace(block, note=sign_note(block.note.text, str(block.header.origin), signers))  # type: ignore[arg-type]


def with_signature(block: Block, change: Callable[[bytes], bytes]) -> Block:
    line = block.note.signatures[0]
    return replace(block, note=Note(block.note.text, (replace(line, signature=change(line.signature)),)))


@pytest.mark.parametrize(
    "attack",
    [
        lambda block: with_signature(block, lambda made: bytes((made[0] ^ 1,)) + made[1:]),
        lambda block: with_signature(block, lambda made: made[:-1]),
        lambda block: with_signature(block, lambda made: made + b"\0"),
        lambda block: signed_otherwise(block, OTHER_SIGNER),
        lambda block: replace(block, note=Note(block.note.text, block.note.signatures * 2)),
        lambda block: resigned(block, signers=(OTHER_SIGNER,), sealer="x"),
    ],
    ids=["flipped", "cut", "extended", "a stranger's", "doubled", "rewritten"],
)
def test_a_block_without_the_logs_signature(attack: Callable[[Block], Block]) -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(1), attack(logs[0][1]).format())
    assert places(audit(vault)) == [(Verdict.BAD_SIGNATURE, 0, 1, None, "note")]


def test_a_strangers_line_is_ignored() -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(1), signed_otherwise(logs[0][1], OTHER_SIGNER, SIGNER).format())
    assert places(audit(vault)) == []


def test_two_faults_of_one_block_are_two_findings() -> None:
    vault, logs = make_vault()
    harmed = with_records(logs[0][1], flipped(logs[0][1]))
    vault.replace(LOG.block_key(1), signed_otherwise(harmed, OTHER_SIGNER).format())
    expected = [(Verdict.BAD_RECORD, 0, 1, 5, "record"), (Verdict.BAD_SIGNATURE, 0, 1, None, "note")]
    assert places(audit(vault)) == expected


def test_faults_in_two_blocks_and_two_logs_are_as_many_findings() -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(0), with_records(logs[0][0], flipped(logs[0][0])).format())
    vault.replace(LOG.block_key(2), b"")
    del vault.objects[ORIGINS[1].block_key(1)]
    assert places(audit(vault)) == [
        (Verdict.BAD_RECORD, 0, 0, 1, "record"),
        (Verdict.SQUATTED, 0, 2, None, "container"),
        (Verdict.BROKEN_CHAIN, 1, 1, None, "height"),
    ]


def test_each_missing_block_is_one_finding_and_the_rest_is_verified() -> None:
    vault, logs = make_vault(sizes=(1, 2, 3, 4, 5))
    for height in (1, 2):
        del vault.objects[LOG.block_key(height)]
    vault.replace(LOG.block_key(4), with_records(logs[0][4], flipped(logs[0][4])).format())
    assert places(audit(vault)) == [
        (Verdict.BROKEN_CHAIN, 0, 1, None, "height"),
        (Verdict.BROKEN_CHAIN, 0, 2, None, "height"),
        (Verdict.BAD_RECORD, 0, 4, 11, "record"),
    ]


def test_reordered_blocks_are_told_at_both_places() -> None:
    vault, logs = make_vault(sizes=(1, 2, 3, 4))
    vault.replace(LOG.block_key(1), logs[0][2].format())
    vault.replace(LOG.block_key(2), logs[0][1].format())
    assert places(audit(vault)) == [(Verdict.BROKEN_CHAIN, 0, height, None, "height") for height in (1, 2)]


def test_another_logs_block_is_told() -> None:
    vault, logs = make_vault()
    vault.replace(LOG.block_key(0), logs[1][0].format())
    assert places(audit(vault)) == [(Verdict.BROKEN_CHAIN, 0, 0, None, "origin")]


def test_another_logs_block_after_a_hole_is_told() -> None:
    vault, logs = make_vault(sizes=(1, 1, 1, 1))
    del vault.objects[LOG.block_key(1)]
    vault.replace(LOG.block_key(2), logs[1][2].format())
    expected = [(Verdict.BROKEN_CHAIN, 0, 1, None, "height"), (Verdict.BROKEN_CHAIN, 0, 2, None, "origin")]
    assert places(audit(vault)) == expected


def test_where_the_locators_were_altered_too_no_record_is_named() -> None:
    vault, logs = make_vault()
    harmed = replace(with_records(logs[0][1], flipped(logs[0][1])), locators=bytes(6))
    vault.replace(LOG.block_key(1), harmed.format())
    assert places(audit(vault)) == [(Verdict.BAD_ROOT, 0, 1, None, "payload")]


def test_where_only_the_end_of_a_stream_was_altered_no_record_is_named() -> None:
    state = genesis(LOG)
    block = seal(state, 4, partitions=1)
    records = records_of(block)
    chunks = tuple(Chunk(2, stored_deflate(b"".join(part))) for part in (records[:2], records[2:]))
    good = resigned(replace(block, chunks=chunks), payload=payload_digest(chunks))
    vault = MemoryVault()
    put_log(vault, [good])
    assert places(audit(vault, make_trust(LOG))) == []
    for stream in (chunks[0].deflated + b"x", b"\0" + chunks[0].deflated[1:]):
        vault.replace(LOG.block_key(0), replace(good, chunks=(Chunk(2, stream), chunks[1])).format())
        assert places(audit(vault, make_trust(LOG))) == [(Verdict.BAD_ROOT, 0, 0, None, "payload")]


def test_nothing_follows_a_final_block() -> None:
    vault, logs = make_vault()
    last = LogState.after(logs[0][2], keys_of(LOG))
    final = seal(last, 1, final=True)
    put_log(vault, [final, seal(last.accept(final), 1)])
    assert places(audit(vault)) == [(Verdict.BROKEN_CHAIN, 0, 4, None, "final")]


def test_what_lies_above_the_last_block_and_is_none_was_put_there_by_a_squatter() -> None:
    vault, _ = make_vault()
    vault.put(LOG.block_key(7), b"mine", vault.objects[LOG.block_key(0)][0].lock)
    assert places(audit(vault)) == [(Verdict.SQUATTED, 0, 7, None, "container")]


def test_what_lies_below_a_block_and_is_none_was_damaged() -> None:
    vault, logs = make_vault()
    data = logs[0][1].format()
    for harmed in (b"", data[:-1], data + b"\0", b"x" * 13_000_000):
        vault.replace(LOG.block_key(1), harmed)
        assert [place[:4] for place in places(audit(vault))] == [(Verdict.MALFORMED, 0, 1, None)]


def test_keys_follow_by_rotation_and_a_retired_one_signs_nothing() -> None:
    vault, state, blocks = MemoryVault(), genesis(LOG), []
    new = tuple(str(key) for key in keys_of(LOG, OTHER_SIGNER))
    for signers, next_keys in (((SIGNER,), ()), ((SIGNER,), new), ((OTHER_SIGNER,), ()), ((OTHER_SIGNER,), ())):
        blocks.append(seal(state, 2, partitions=1, signers=signers, next_keys=next_keys))
        state = state.accept(blocks[-1])
    put_log(vault, blocks)
    assert places(audit(vault, make_trust(LOG))) == []
    vault.replace(LOG.block_key(3), signed_otherwise(blocks[3], SIGNER).format())
    assert places(audit(vault, make_trust(LOG))) == [(Verdict.BAD_SIGNATURE, 0, 3, None, "note")]


def test_a_key_of_small_order_can_not_come_next() -> None:
    weak = bytes((1,)) + bytes(31)
    name = str(LOG)
    key_id = sha256(name.encode() + b"\n" + ED25519 + weak).digest()[:4]
    vkey = f"{name}+{key_id.hex()}+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    vault, logs = make_vault()
    vault.replace(LOG.block_key(2), resigned(logs[0][2], next_keys=(vkey,)).format())
    report = audit(vault)
    assert places(report) == [(Verdict.BAD_KEY, 0, 2, None, "next_keys")]
    assert "small order" in report.kept_findings[0].detail


def test_an_announcement_that_drops_the_second_signature_is_mentioned() -> None:
    second = SigningKey.from_seed(bytes(32), ML_DSA_44)
    both, one = keys_of(LOG, SIGNER, second), keys_of(LOG, SIGNER)
    vault, state = MemoryVault(), genesis(LOG, SIGNER, second)
    for signers, next_keys in (((SIGNER, second), ()), ((SIGNER, second), tuple(map(str, one))), ((SIGNER,), ())):
        block = seal(state, 2, partitions=1, signers=signers, next_keys=next_keys)
        put_log(vault, [block])
        state = LogState.after(block, state.keys)
    report = audit(vault, Trust((PinnedLog(LOG, both),)))
    said = "block 1 announced no ML-DSA-44 key: the blocks above it are not signed by one"
    assert (report.exit_code, report.logs[0].notices) == (0, (said,))
