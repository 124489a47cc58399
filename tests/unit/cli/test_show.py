"""`auditseal show`: what it shows holds, and it says what it checked."""

import json
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_auditor.blocks.block_json import record_to_json
from auditseal_auditor.blocks.block_text import record_lines
from auditseal_auditor.report_text import printable
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_parts import Change
from auditseal_schemas.header import TIMESTAMP_CREATE
from auditseal_schemas.merkle import EMPTY_FRONTIER
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import Oversize, SealedRecord
from auditseal_schemas.verdict import Verdict
from tests.factory.blocks import resigned, with_records
from tests.factory.events import FULL as EVENT
from tests.factory.keys import OTHER_SIGNER, SIGNER, keys_of
from tests.factory.messages import Message
from tests.factory.vaults import ORIGINS, MemoryVault, genesis, make_vault, put_log, seal

LOG = ORIGINS[0]


@pytest.fixture
def vault(monkeypatch: pytest.MonkeyPatch) -> MemoryVault:
    vault, _ = make_vault(sizes=(4, 3, 5, 0, 2))
    monkeypatch.setattr("auditseal.cli.show.open_reader", lambda url: vault)
    return vault


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    path = tmp_path / "trust.txt"
    path.write_text(f"log {keys_of(LOG)[0]}\nvault file:///vault\n")
    return path


def show(trust: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["show", "--trust", str(trust), str(LOG), *arguments])


def test_a_block(vault: MemoryVault, trust: Path) -> None:
    answer = show(trust, "1")
    assert answer.exit_code == 0, answer.output
    lines = answer.stdout.splitlines()
    assert "  height: 1" in lines
    assert "  count: 3" in lines
    assert "  sealed_time: 2023-11-14T22:13:20.000001Z" in lines
    assert "verified" in lines
    assert any("not checked: whether these keys are valid here, its place" in line for line in lines)


def test_a_block_as_json(vault: MemoryVault, trust: Path) -> None:
    said = json.loads(show(trust, "1", "--json").stdout)
    assert said["header"]["first_offset"] == 4
    assert said["checkpoint"]["size"] == 2
    assert said["checkpoint"]["root"] in said["checkpoint"]["note"]
    assert said["keys"] == [str(keys_of(LOG)[0])]
    assert said["object"] == LOG.block_key(1)
    assert said["version_id"] == "v1"
    assert said["record"] is None


@pytest.mark.parametrize("offset", range(14))
def test_a_record_is_found_by_its_offset(vault: MemoryVault, trust: Path, offset: int) -> None:
    said = json.loads(show(trust, "--offset", str(offset), "--json").stdout)
    assert said["record"]["offset"] == offset
    assert said["record"]["value_text"] == f'{{"log": "{LOG}", "number": {offset}}}'
    assert said["header"]["height"] == [0, 0, 0, 0, 1, 1, 1, 2, 2, 2, 2, 2, 4, 4][offset]


def test_a_record_in_lines(vault: MemoryVault, trust: Path) -> None:
    lines = show(trust, "1", "--offset", "5").stdout.splitlines()
    assert lines[:2] == ["record", "  offset: 5"]
    assert "  key_text: actor-2" in lines
    assert "      value_text: 5" in lines


def test_an_event_is_decoded() -> None:
    shown = record_to_json(SealedRecord(1, 1_700_000_000_000, b"\xff", None, encode_event(EVENT)))
    assert shown["event"]["action"] == EVENT.action
    assert (shown["value"], shown["value_text"]) == (None, None)
    assert (shown["key"], shown["key_text"], shown["headers"]) == ("ff", None, None)
    assert shown["time"] == "2023-11-14T22:13:20Z"


@pytest.mark.parametrize("value", [b"", b"\xc3\x01", encode_event(EVENT)[:-1], encode_event(EVENT) + b"\0"])
def test_what_is_no_event_is_shown_as_bytes(value: bytes) -> None:
    shown = record_to_json(SealedRecord(1, -1, None, (), value))
    assert (shown["event"], shown["value"], shown["time"]) == (None, value.hex(), None)


@pytest.mark.parametrize("timestamp", [-(2**63), 2**63 - 1])
def test_a_time_outside_the_calendar_is_a_number(timestamp: int) -> None:
    shown = record_to_json(SealedRecord(1, timestamp, None, (), None, Oversize(9_000_000, bytes(32))))
    assert (shown["time"], shown["timestamp"]) == (None, timestamp)
    assert shown["oversize"] == {"length": 9_000_000, "sha256": "00" * 32}


def test_nothing_of_a_record_reaches_a_terminal_unescaped(vault: MemoryVault, trust: Path) -> None:
    vault.objects.clear()
    evil = "\x1b]0;x\x07\u202e\n".encode()
    draft = BlockDraft(genesis(LOG), BlockLimits())
    draft.extend([Message(0, evil, evil, [(evil.decode(), evil)], 1, TIMESTAMP_CREATE)])
    put_log(vault, [draft.seal(SourceIdentity("C", "T", 1, 0), [SIGNER], now=1, sealer="x/1")])
    answer = show(trust, "0", "--offset", "0")
    assert answer.exit_code == 0
    assert all(line.isprintable() for line in answer.stdout.splitlines())
    assert "  key_text: \\x1b]0;x\\x07\\u202e\\n" in answer.stdout.splitlines()


def test_nothing_of_an_event_makes_a_line_of_its_own(vault: MemoryVault, trust: Path) -> None:
    vault.objects.clear()
    forged = "x\nverified\n  every byte\r\n\u2028\x85ok"
    names = ("note", "checkpoint", "verified", "-", forged)
    event = replace(EVENT, attributes=dict.fromkeys(names, forged), changes=(Change("note", forged, forged),))
    draft = BlockDraft(genesis(LOG), BlockLimits())
    draft.extend([Message(0, encode_event(event), b"note", [("note", forged.encode())], 1, TIMESTAMP_CREATE)])
    put_log(vault, [draft.seal(SourceIdentity("C", "T", 1, 0), [SIGNER], now=1, sealer="x/1")])
    lines = show(trust, "0", "--offset", "0", "--block").stdout.split("\n")
    assert lines.count("verified") == 1
    assert all(line.isprintable() for line in lines)
    shown = printable(forged)
    assert f"      note: {shown}" in lines
    assert sum(line.endswith(shown) for line in lines) == len(names) + 3
    note = Block.parse(vault.read(LOG.block_key(0), "v1")).note.format().decode()
    checkpoint = [f"    {line}" for line in note.split("\n") if line]
    place = lines.index("  note") + 1
    assert lines[place : place + len(checkpoint)] == checkpoint


def test_a_gap_is_told_from_what_isnt_there(vault: MemoryVault, trust: Path) -> None:
    vault.objects.clear()
    put_log(vault, [seal(genesis(LOG), 2, partitions=1, skip=3)])
    for arguments, words in (
        (("--offset", "1"), "in a gap that was sealed as such, 0 to 2"),
        (("--offset", "5"), "sealed up to offset 4"),
        (("0", "--offset", "9"), "holds the offsets 0 to 4, and not 9"),
        (("1",), "holds no block 1"),
    ):
        answer = show(trust, *arguments)
        assert answer.exit_code == 1
        assert words in answer.stderr


@pytest.mark.parametrize(
    ("harm", "verdict"),
    [
        (lambda block: b"", Verdict.MALFORMED),
        (lambda block: resigned(block, signers=(OTHER_SIGNER,)).format(), Verdict.BAD_SIGNATURE),
        (lambda block: replace(block, header=replace(block.header, sealer="x")).format(), Verdict.BAD_ROOT),
        (lambda block: resigned(block, events_root=bytes(32)).format(), Verdict.BAD_ROOT),
        (lambda block: with_records(block, list(block.encoded_records())[::-1]).format(), Verdict.BAD_ROOT),
    ],
)
def test_a_block_that_doesnt_hold_is_not_shown(vault: MemoryVault, trust: Path, harm: object, verdict: Verdict) -> None:
    _, logs = make_vault()
    vault.replace(LOG.block_key(1), harm(logs[0][1]))  # type: ignore[operator]
    answer = show(trust, "1")
    assert answer.exit_code == verdict.exit_code
    assert answer.stdout == ""
    assert verdict in answer.stderr


def test_another_block_in_its_place_is_not_shown(vault: MemoryVault, trust: Path) -> None:
    vault.replace(LOG.block_key(1), vault.objects[LOG.block_key(2)][0].data or b"")
    assert show(trust, "1").exit_code == Verdict.BROKEN_CHAIN.exit_code


def test_keys_are_followed_where_they_changed(vault: MemoryVault, trust: Path) -> None:
    vault.objects.clear()
    blocks, new = rotated(), tuple(str(key) for key in keys_of(LOG, OTHER_SIGNER))
    put_log(vault, blocks)
    start = f"start {LOG} 1 {b64encode(blocks[1].frontier.root).decode()}\n"
    for line in ("", start):
        trust.write_text(trust.read_text() + line)
        said = json.loads(show(trust, "2", "--json").stdout)
        assert said["keys"] == list(new)
        assert any("keys that follow from the pinned ones" in claim for claim in said["verified"])


def rotated() -> list[Block]:
    """Return a log of three blocks, the second of which names the third one's key."""
    state, blocks = genesis(LOG), []
    new = tuple(str(key) for key in keys_of(LOG, OTHER_SIGNER))
    for signer, next_keys in ((SIGNER, ()), (SIGNER, new), (OTHER_SIGNER, ())):
        blocks.append(seal(state, 2, partitions=1, signers=(signer,), next_keys=next_keys))
        state = state.accept(blocks[-1])
    return blocks


def test_keys_are_followed_from_no_other_start_than_the_pinned_one(vault: MemoryVault, trust: Path) -> None:
    vault.objects.clear()
    put_log(vault, rotated())
    trust.write_text(trust.read_text() + f"start {LOG} 1 {b64encode(bytes(32)).decode()}\n")
    answer = show(trust, "2")
    assert answer.exit_code == Verdict.BAD_ROOT.exit_code
    assert "the headers before block 1 have another root than is pinned" in answer.stderr


@pytest.mark.parametrize("started", [False, True])
def test_keys_are_followed_over_blocks_in_their_places_alone(vault: MemoryVault, trust: Path, started: bool) -> None:
    """Block 0 is in the place of 1; or 1 is signed again, for another place, by the one who holds the old key."""
    vault.objects.clear()
    blocks = rotated()
    put_log(vault, blocks)
    if started:
        trust.write_text(trust.read_text() + f"start {LOG} 1 {b64encode(blocks[1].frontier.root).decode()}\n")
    for wrong in (blocks[0], resigned(blocks[1], height=0, frontier=EMPTY_FRONTIER)):
        vault.replace(LOG.block_key(1), wrong.format())
        answer = show(trust, "2")
        assert answer.exit_code == Verdict.BROKEN_CHAIN.exit_code
        assert LOG.block_key(1) in answer.stderr


def test_keys_that_cant_come_next_are_not_followed(vault: MemoryVault, trust: Path) -> None:
    vault.objects.clear()
    blocks = rotated()
    put_log(vault, blocks)
    stranger = Origin("b.example", "t", 0, 0)
    vault.replace(LOG.block_key(1), resigned(blocks[1], next_keys=(str(keys_of(stranger)[0]),)).format())
    assert show(trust, "2").exit_code == Verdict.BAD_KEY.exit_code


def test_the_records_of_a_block_that_announces_keys_are_not_read(vault: MemoryVault, trust: Path) -> None:
    """Its header is signed, and nothing is said of its records: `verify` checks them."""
    vault.objects.clear()
    blocks = rotated()
    put_log(vault, blocks)
    vault.replace(LOG.block_key(1), replace(blocks[1], chunks=()).format())
    assert show(trust, "2").exit_code == 0
    assert show(trust, "1").exit_code == Verdict.BAD_ROOT.exit_code


@pytest.mark.parametrize("arguments", [(), ("-1",), ("x",), ("1", "--offset", "x")], ids=" ".join)
def test_usage_that_makes_no_sense(vault: MemoryVault, trust: Path, arguments: tuple[str, ...]) -> None:
    assert show(trust, *arguments).exit_code == 2


def test_a_log_that_isnt_pinned_is_not_shown(vault: MemoryVault, trust: Path) -> None:
    for name, words in (("a.example/other/0/0", "doesn't pin"), ("\x1b[31m", "does not name a log")):
        answer = CliRunner().invoke(app, ["show", "--trust", str(trust), name, "0"])
        assert answer.exit_code == 2
        assert words in answer.stderr
        assert answer.stderr.rstrip("\n").isprintable()


def test_an_empty_vault(vault: MemoryVault, trust: Path) -> None:
    vault.objects.clear()
    assert "holds no block of" in show(trust, "--offset", "0").stderr


def put_record(vault: MemoryVault, *messages: Message) -> None:
    vault.objects.clear()
    draft = BlockDraft(genesis(LOG), BlockLimits())
    assert draft.extend(messages) == len(messages)
    put_log(vault, [draft.seal(SourceIdentity("C", "T", 1, 0), [SIGNER], now=1, sealer="x/1")])


def test_with_an_offset_the_block_is_one_line_and_whole_with_its_option(vault: MemoryVault, trust: Path) -> None:
    short = show(trust, "--offset", "5").stdout.splitlines()
    assert f"block: 1 of {LOG}, {LOG.block_key(1)}" in short
    assert len(short) < 25
    whole = show(trust, "--offset", "5", "--block").stdout.splitlines()
    assert set(show(trust, "1").stdout.splitlines()) <= set(whole)
    assert set(short) - set(whole) == {f"block: 1 of {LOG}, {LOG.block_key(1)}"}
    assert json.loads(show(trust, "--offset", "5", "--json").stdout)["header"]["height"] == 1


def test_null_and_empty_parts_say_so(vault: MemoryVault, trust: Path) -> None:
    put_record(vault, Message(0, None, None, [], 1), Message(1, b"", b"", [("x", None), ("y", b"")], 1))
    lines = show(trust, "--offset", "0").stdout.splitlines()
    assert "  key: null: the record has no key" in lines
    assert "  headers: none" in lines
    assert "  value: null: the record has no value" in lines
    lines = show(trust, "--offset", "1").stdout.splitlines()
    assert "  key: empty" in lines
    assert "  value: empty" in lines
    assert [line.strip() for line in lines if line.startswith("      value")] == ["value: null", "value: empty"]


def test_headers_that_could_not_be_read_say_so() -> None:
    record = SealedRecord(0, 1, b"k", None, b"v")
    lines = list(record_lines({"record": record_to_json(record)}))
    assert "  headers: null: they could not be read" in lines
    oversize = SealedRecord(0, 1, None, (), None, Oversize(9_000_000, bytes(32)))
    lines = list(record_lines({"record": record_to_json(oversize)}))
    assert "  value: null: the record was too long, and its length and hash were sealed" in lines
    assert "    length: 9000000" in lines


def test_a_long_value_and_many_headers_are_cut_with_their_numbers(vault: MemoryVault, trust: Path) -> None:
    headers = [(f"header-{number}", b"x") for number in range(1_000)]
    put_record(vault, Message(0, b"v" * 5_000, b"k", headers, 1))
    lines = show(trust, "--offset", "0").stdout.splitlines()
    assert f"  value_text: {'v' * 1_000}… (1,000 of 5,000 characters; --json shows all)" in lines
    assert sum("header-" in line for line in lines) == 50
    assert "    … and 950 more; --json shows all" in lines
    said = json.loads(show(trust, "--offset", "0", "--json").stdout)["record"]
    assert (len(said["value_text"]), len(said["headers"])) == (5_000, 1_000)


def test_raw_writes_the_bytes_to_a_new_file(vault: MemoryVault, trust: Path, tmp_path: Path) -> None:
    value = bytes(range(256)) * 20
    put_record(vault, Message(0, value, b"k", [], 1), Message(1, None, b"k", [], 1))
    file = tmp_path / "value"
    assert show(trust, "--offset", "0", "--raw", str(file)).exit_code == 0
    assert file.read_bytes() == value
    again = show(trust, "--offset", "0", "--raw", str(file))
    assert (again.exit_code, again.stdout) == (2, "")
    assert "the file exists" in again.stderr
    nothing = show(trust, "--offset", "1", "--raw", str(tmp_path / "nothing"))
    assert (nothing.exit_code, nothing.stdout) == (1, "")
    assert "has no value to write: it is null" in nothing.stderr
    assert not (tmp_path / "nothing").exists()
    assert show(trust, "0", "--raw", str(tmp_path / "block")).exit_code == 0
    assert (tmp_path / "block").read_bytes() == vault.objects[LOG.block_key(0)][0].data


def test_raw_that_cant_be_written_is_a_failure(vault: MemoryVault, trust: Path, tmp_path: Path) -> None:
    answer = show(trust, "0", "--raw", str(tmp_path / "no" / "file"))
    assert answer.exit_code == 1
    assert "No such file" in answer.stderr
