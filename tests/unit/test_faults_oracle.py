"""The judge is judged: whatever a vault was made to say, by its owner or by the holder of its key, must fail it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_vault.directory import DirectoryVault
from tests.factory.blocks import NOW
from tests.factory.keys import SIGNER
from tests.factory.messages import Message, messages
from tests.faults.ledger import Entry, Ledger, format_entry
from tests.faults.oracle import OracleError, check_audit, heights_of, judge, read_ours, read_plainly, read_theirs
from tests.faults.recovery import BlockTime, percentile, recovery_seconds

ORIGIN = Origin("faults.example.com", "events", 0, 0)
KEY = VerifierKey(str(ORIGIN), SIGNER.public)
TRUST = f"log {KEY}\n"
SOURCE = SourceIdentity("cluster", "topic", 1, 0)
EVENTS = messages(range(30))


def seal(events: Sequence[Message]) -> list[Block]:
    """Return a valid log of the events, ten to a block, signed by the log's own key."""
    state, blocks = LogState.genesis(ORIGIN, (KEY,)), []
    while events:
        draft = BlockDraft(state, BlockLimits(records=10))
        events = events[draft.extend(events) :]
        block = Block.parse(draft.seal(SOURCE, [SIGNER], now=NOW + len(blocks), sealer="auditseal/test").format())
        state = state.accept(block)
        blocks.append(block)
    return blocks


def store(folder: Path, blocks: Sequence[Block]) -> Path:
    for block in blocks:
        path = folder / ORIGIN.block_key(block.header.height)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(block.format())
    return folder


def entry(event: Message, number: int) -> Entry:
    return Entry(0, event.at, "stream", number, sha256(event.content or b"").hexdigest())


LEDGER = Ledger(tuple(entry(event, number) for number, event in enumerate(EVENTS)))
HONEST = seal(EVENTS)
SEEN = heights_of(block.format() for block in HONEST)


def test_an_honest_vault_passes(tmp_path: Path) -> None:
    found = judge(LEDGER, store(tmp_path, HONEST), TRUST, SEEN)
    assert (found.acknowledged, found.once, found.sealed, found.blocks) == (30, 30, 30, 3)
    assert (found.gaps, found.failed) == (0, 0)


def test_an_event_whose_acknowledgement_got_lost_may_be_sealed(tmp_path: Path) -> None:
    ledger = Ledger(LEDGER.entries[:-1], failed=1)
    found = judge(ledger, store(tmp_path, HONEST), TRUST, SEEN)
    assert (found.acknowledged, found.once, found.sealed) == (29, 29, 30)


def altered(event: Message) -> Message:
    return replace(event, content=b"altered")


LIES = {
    "one dropped": [*EVENTS[:14], *EVENTS[15:]],
    "one doubled": [*EVENTS, replace(EVENTS[14], at=30)],
    "one altered": [*EVENTS[:14], altered(EVENTS[14]), *EVENTS[15:]],
    "two swapped": [
        *EVENTS[:14],
        replace(EVENTS[15], at=14),
        replace(EVENTS[14], at=15),
        *EVENTS[16:],
    ],
    "the last one missing": EVENTS[:-1],
    "one that nobody recorded": [*EVENTS, Message(30, b"invented")],
}


@pytest.mark.parametrize("lie", LIES)
def test_a_vault_that_the_key_signed_and_that_lies_fails(lie: str, tmp_path: Path) -> None:
    blocks = seal(LIES[lie])
    with pytest.raises(OracleError, match="sealed"):
        judge(LEDGER, store(tmp_path, blocks), TRUST, heights_of(block.format() for block in blocks))


def test_a_changed_byte_fails(tmp_path: Path) -> None:
    path = store(tmp_path, HONEST) / ORIGIN.block_key(1)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(OracleError, match="000000000001"):
        judge(LEDGER, tmp_path, TRUST, SEEN)


def read_by_verify(folder: Path, trust: str) -> None:
    check_audit(lambda: DirectoryVault(folder), trust)


@pytest.mark.parametrize("read", [read_by_verify, read_ours, read_theirs, read_plainly])
def test_each_reader_by_itself_sees_a_changed_byte(read: Callable[[Path, str], object], tmp_path: Path) -> None:
    read(store(tmp_path, HONEST), TRUST)
    path = tmp_path / ORIGIN.block_key(1)
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    with pytest.raises(OracleError):
        read(tmp_path, TRUST)


def test_a_lost_block_fails(tmp_path: Path) -> None:
    (store(tmp_path, HONEST) / ORIGIN.block_key(1)).unlink()
    with pytest.raises(OracleError, match="BROKEN_CHAIN"):
        judge(LEDGER, tmp_path, TRUST, SEEN)


def test_swapped_blocks_fail(tmp_path: Path) -> None:
    one, other = (store(tmp_path, HONEST) / ORIGIN.block_key(height) for height in (1, 2))
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)
    with pytest.raises(OracleError, match="BROKEN_CHAIN"):
        judge(LEDGER, tmp_path, TRUST, SEEN)


def test_two_versions_of_a_height_fail_even_where_only_one_was_committed(tmp_path: Path) -> None:
    other = seal([altered(event) for event in EVENTS[:10]])
    seen = heights_of(block.format() for block in [*HONEST, *other])
    with pytest.raises(OracleError, match="published in 2 versions"):
        judge(LEDGER, store(tmp_path, HONEST), TRUST, seen)


def test_a_vault_of_other_bytes_than_were_published_fails(tmp_path: Path) -> None:
    other = seal([altered(event) for event in EVENTS[:10]])
    with pytest.raises(OracleError, match="another in the vault"):
        judge(LEDGER, store(tmp_path, HONEST), TRUST, heights_of(block.format() for block in other))


def test_an_event_that_is_acknowledged_twice_fails(tmp_path: Path) -> None:
    ledger = Ledger((*LEDGER.entries, LEDGER.entries[0]))
    with pytest.raises(OracleError, match="the ledger itself"):
        judge(ledger, store(tmp_path, HONEST), TRUST, SEEN)


def test_an_event_that_lies_elsewhere_than_the_broker_said_fails(tmp_path: Path) -> None:
    entries = (LEDGER.entries[0]._replace(offset=1), LEDGER.entries[1]._replace(offset=0), *LEDGER.entries[2:])
    with pytest.raises(OracleError, match="elsewhere"):
        judge(Ledger(entries), store(tmp_path, HONEST), TRUST, SEEN)


def test_an_event_whose_place_the_broker_did_not_say_is_found_by_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_text("".join(format_entry(each._replace(offset=None)) for each in LEDGER.entries))
    found = Ledger.read(path)
    assert found.ends() == {}
    judge(found, store(tmp_path, HONEST), TRUST, SEEN)
    with pytest.raises(OracleError, match="not sealed"):
        judge(Ledger((*found.entries, found.entries[0]._replace(sha256="00" * 32))), tmp_path, TRUST, SEEN)


def test_the_ledger_is_read_back_without_the_line_that_a_crash_cut(tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    path.write_text("acknowledged 0 7 stream 3 abcd\nfailed stream 4 _MSG_TIMED_OUT\nacknowledged 0 8 str")
    ledger = Ledger.read(path, tmp_path / "none")
    assert ledger == Ledger((Entry(0, 7, "stream", 3, "abcd"),), failed=1)
    assert ledger.ends() == {0: 7}


def test_recovery_ends_with_the_first_stored_event_that_came_after_the_fault_in_the_slowest_partition() -> None:
    blocks = [
        BlockTime(0, appended=9.0, stored=9.5),
        BlockTime(0, appended=9.9, stored=12.0),  # under way when the fault came: shows nothing
        BlockTime(0, appended=12.5, stored=13.0),
        BlockTime(1, appended=14.0, stored=14.5),
    ]
    assert recovery_seconds([10.0], blocks) == [4.5]
    assert recovery_seconds([10.0, 11.0], blocks) == [4.5, 3.5]  # the second came before the first was over: it counts
    assert recovery_seconds([13.0], blocks) == []  # partition 0 had no event after it: nothing is known


def test_percentiles() -> None:
    assert [percentile(range(1, 101), share) for share in (0.5, 0.99)] == [51, 100]
    assert percentile([], 0.5) == 0
