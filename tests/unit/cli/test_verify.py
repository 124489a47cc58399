"""`auditseal verify` as people and programs meet it: what it prints, what it remembers, how it ends."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.block import Block
from auditseal_schemas.container import Chunk
from auditseal_schemas.deflate import deflate
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.note import Note
from auditseal_schemas.verdict import Verdict
from auditseal_vault.directory import DirectoryVault
from tests.factory.blocks import resigned
from tests.factory.keys import keys_of
from tests.factory.vaults import ORIGINS, MemoryVault, lock_until, make_log, make_vault

LOG = ORIGINS[0]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good vault of two logs, its blocks compressed as a sealer does it, and a trust file that names it."""
    directory = tmp_path_factory.mktemp("good")
    (directory / "vault").mkdir()
    vault = DirectoryVault(directory / "vault")
    for origin in ORIGINS:
        for block in make_log(origin, (20, 30, 25), compress=deflate):
            vault.put(origin.block_key(block.header.height), block.format(), lock_until().retain_until)
    keys = "".join(f"log {key}\n" for origin in ORIGINS for key in keys_of(origin))
    (directory / "trust.txt").write_text(f"# both logs\n{keys}")
    return directory


@pytest.fixture
def place(good: Path, tmp_path: Path) -> Path:
    """A copy of the good vault that a test may harm."""
    shutil.copytree(good, tmp_path / "copy")
    return tmp_path / "copy"


def run(place: Path, *arguments: str) -> Result:
    vault = (place / "vault").as_uri()
    return CliRunner().invoke(app, ["verify", "--trust", str(place / "trust.txt"), "--vault", vault, *arguments])


def block_path(place: Path, height: int) -> Path:
    path = place / "vault" / LOG.block_key(height)
    path.chmod(0o600)
    return path


def test_a_good_vault(place: Path) -> None:
    answer = run(place)
    assert answer.exit_code == 0
    first, *rest = answer.stdout.splitlines()
    assert first.startswith("OK: ")
    assert "2 logs, 6 blocks, 150 records" in first
    assert any(line.startswith("anchor: none; without remembered heads (--state)") for line in rest)
    roots = [log["head"]["root"] for log in json.loads(run(place, "--json").stdout)["logs"]]
    assert all(any(line.endswith(f"head 3 {root}") for line in rest) for root in roots)
    assert any("not WORM" in line for line in rest)
    assert answer.stderr == ""


def test_the_answer_as_json(place: Path) -> None:
    answer = run(place, "--json")
    assert answer.exit_code == 0
    said = json.loads(answer.stdout)
    assert said | {"seconds": 0, "logs": [], "vault": "", "notices": []} == {
        "version": 1, "ok": True, "exit_code": 0, "mode": "full", "vault": "", "anchor": "none", "logs": [],
        "findings": [], "finding_count": 0, "blocks": 6, "records": 150, "bytes": said["bytes"], "notices": [],
        "errors": [], "seconds": 0, "evidence": [], "copy": None,
    }  # fmt: skip
    assert said["bytes"] == sum(path.stat().st_size for path in place.rglob("*.avro"))
    log = said["logs"][0]
    assert [log[name] for name in ("origin", "result", "blocks", "records", "first_offset", "last_offset")] == [
        str(LOG), "OK", 3, 75, 0, 74,
    ]  # fmt: skip
    assert log["head"]["size"] == 3
    assert log["head"]["root"] in Note.parse(log["head"]["note"].encode()).text


def change_event(place: Path) -> None:
    """Change one byte of one event as an administrator would: inflate, change, deflate, write back."""
    path = block_path(place, 1)
    block = Block.parse(path.read_bytes())
    records = list(block.encoded_records())
    changed = b"".join(records).replace(b'"number": 33}', b'"number": 34}')
    path.write_bytes(replace(block, chunks=(Chunk(len(records), deflate(changed)),)).format())


def test_one_altered_byte_of_one_event_is_named_in_a_sentence(place: Path) -> None:
    change_event(place)
    answer = run(place)
    assert answer.exit_code == 17
    first, second, *_ = answer.stdout.splitlines()
    assert first.startswith("FAILED: 1 finding, the worst is BAD_RECORD")
    place_named = f"BAD_RECORD: log {LOG}, block 1, record at offset 33, field record: "
    assert second.startswith(f"{place_named}this record was changed after it was sealed")
    found = json.loads(run(place, "--json").stdout)["logs"][0]["findings"]
    assert [{name: value for name, value in one.items() if name != "detail"} for one in found] == [
        {
            "verdict": "BAD_RECORD", "origin": str(LOG), "height": 1, "offset": 33, "field": "record",
            "object": LOG.block_key(1), "version_id": "", "evidence": [],
        }
    ]  # fmt: skip


def test_one_altered_byte_of_the_compressed_bytes_is_named_by_its_record_too(place: Path) -> None:
    path = block_path(place, 1)
    data = path.read_bytes()
    chunk = Block.parse(data).chunks[0].deflated
    start, offsets = data.index(chunk), set()
    for position in range(start, start + len(chunk), 7):
        path.write_bytes(data[:position] + bytes((data[position] ^ 0x10,)) + data[position + 1 :])
        found = json.loads(run(place, "--json").stdout)["logs"][0]["findings"]
        assert [(one["verdict"], one["height"], one["field"]) for one in found] == [("BAD_RECORD", 1, "record")]
        offsets.add(found[0]["offset"])
    assert offsets <= set(range(20, 50))
    assert len(offsets) > 3


def test_a_quick_check_says_that_it_is_one(place: Path) -> None:
    assert run(place, "--quick").stdout.startswith("QUICK_OK: ")
    change_event(place)
    assert run(place, "--quick").exit_code == Verdict.BAD_ROOT.exit_code


def test_help_and_the_docs_list_every_exit_code() -> None:
    said = " ".join(CliRunner().invoke(app, ["verify", "--help"], terminal_width=200).stdout.split())
    page = (Path(__file__).parents[3] / "docs" / "reference" / "verify.md").read_text(encoding="utf-8")
    for verdict in Verdict:
        assert f"{verdict.exit_code} {verdict}" in said
        assert f"| {verdict.exit_code} | {verdict} |" in page


def test_the_worst_verdict_is_the_exit_code(place: Path) -> None:
    block_path(place, 1).unlink()
    block_path(place, 0).write_bytes(b"")
    assert run(place).exit_code == Verdict.BROKEN_CHAIN.exit_code


def test_a_directory_that_isnt_there_is_no_verdict(place: Path) -> None:
    shutil.rmtree(place / "vault")
    answer = run(place)
    assert answer.exit_code == 1
    assert "is it mounted" in answer.stderr
    assert answer.stdout == ""


def test_a_store_that_is_away_is_no_verdict(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault = MemoryVault(broken="*")
    monkeypatch.setattr("auditseal_vault.thread_reader.open_reader", lambda url: vault)
    answer = run(place)
    assert answer.exit_code == 1
    assert answer.stdout.startswith("UNKNOWN: ")
    assert "error: the store is away" in answer.stdout


@pytest.mark.parametrize(
    ("trust", "problem"),
    [("", "pins no log"), ("log x", "not a verifier key"), ("lg x", "isn't one of"), ("\udcff", "UTF-8")],
)
def test_a_trust_file_that_cant_be_relied_on(place: Path, trust: str, problem: str) -> None:
    (place / "trust.txt").write_bytes(trust.encode(errors="surrogateescape"))
    answer = run(place)
    assert answer.exit_code == 2
    assert problem in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [("--trust", "/no/such"), ("--vault", "http://x"), ("--expect", "x"), ("--jobs", "0"), ("--max-age", "-1"), ("x",)],
    ids=" ".join,
)
def test_usage_that_makes_no_sense(place: Path, arguments: tuple[str, ...]) -> None:
    assert run(place, *arguments).exit_code == 2


def test_without_a_vault_line_one_must_be_named(place: Path) -> None:
    trust = place / "trust.txt"
    assert CliRunner().invoke(app, ["verify", "--trust", str(trust)]).exit_code == 2
    with trust.open("a") as file:
        file.write(f"vault {(place / 'vault').as_uri()}\n")
    assert CliRunner().invoke(app, ["verify", "--trust", str(trust)]).exit_code == 0


def test_another_vault_than_the_pinned_one_is_mentioned(place: Path) -> None:
    with (place / "trust.txt").open("a") as file:
        file.write("vault s3://elsewhere\n")
    assert "note: the trust file pins another vault, s3://elsewhere" in run(place).stdout.splitlines()


def test_an_expected_log(place: Path) -> None:
    assert run(place, "--expect", str(LOG)).exit_code == 0
    answer = run(place, "--expect", "a.example/other/0/0")
    assert answer.exit_code == Verdict.MISSING_LOG.exit_code
    assert "log a.example/other/0/0" in answer.stdout


def test_a_log_that_stopped_long_ago(place: Path) -> None:
    assert run(place, "--max-age", "1").exit_code == Verdict.STALE.exit_code
    assert run(place, "--max-age", "10000000").exit_code == 0


@pytest.mark.parametrize("hours", ["inf", "nan", "1e999", "1e308"])
def test_an_age_that_is_no_number_of_hours_is_refused(place: Path, hours: str) -> None:
    answer = run(place, "--max-age", hours)
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert "--max-age" in answer.stderr


def test_what_was_verified_is_remembered(place: Path) -> None:
    state = place / "state.json"
    first = run(place, "--state", str(state), "--state-new").stdout
    assert sum("first seen: no head of it was remembered" in line for line in first.splitlines()) == 2
    assert "anchor: none; without remembered heads (--state) a tail that was cut off is not noticed" in first
    assert f"anchor: state {state} (2 heads)" in run(place, "--state", str(state)).stdout
    before = json.loads(state.read_text())["logs"][str(LOG)]
    block_path(place, 2).unlink()
    assert run(place).exit_code == 0
    answer = run(place, "--state", str(state))
    assert answer.exit_code == Verdict.TRUNCATED.exit_code
    assert "the end of the log was cut off" in answer.stdout
    assert json.loads(state.read_text())["logs"][str(LOG)] == before


def test_a_run_continues_from_the_state_file_and_says_so(place: Path) -> None:
    state = ("--state", str(place / "state.json"))
    assert run(place, *state, "--state-new", "--continue").stdout.startswith("OK: ")
    first, *rest = run(place, *state, "--continue").stdout.splitlines()
    assert first.startswith("CONTINUED_OK: every byte from the remembered heads on was checked; older blocks were not")
    assert "2 logs, 2 blocks" in first
    assert "  note: continued: earlier runs verified the 2 blocks below its remembered head" in rest
    said = json.loads(run(place, *state, "--continue", "--scrub", "0", "--json").stdout)
    assert [(log["result"], log["continued_from"], log["scrub"]["end_height"]) for log in said["logs"]] == [
        ("CONTINUED_OK", 3, 3)
    ] * 2
    (place / "trust.txt").write_text((place / "trust.txt").read_text() + "retention 0\n")
    assert run(place, *state, "--continue").stdout.startswith("OK: ")
    block_path(place, 0).write_bytes(b"")
    assert run(place, *state, "--continue").exit_code == 0
    assert run(place, *state, "--continue", "--scrub", "0").exit_code == Verdict.MALFORMED.exit_code


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--continue",), "--continue needs --state"),
        (("--state-new", "--state", "new", "--scrub", "7"), "--scrub needs --continue"),
        (("--state-new", "--state", "new", "--continue", "--scrub", "inf"), "say a number of days"),
    ],
)
def test_options_that_need_others(place: Path, options: tuple[str, ...], words: str) -> None:
    answer = run(place, *(str(place / option) if option == "new" else option for option in options))
    assert (answer.exit_code, answer.stdout) == (2, "")
    assert words in answer.stderr


def test_of_two_runs_at_one_time_none_takes_the_others_heads_back(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first reads an empty memory and a short log; meanwhile the second remembers a longer one."""
    state = place / "state.json"
    longer = make_log(LOG, (20, 30, 25, 5))[3]
    state.write_text('{"version": 1, "heads": {}}')

    def meanwhile(url: str) -> Any:
        state.write_text(json.dumps({"version": 1, "heads": {str(LOG): longer.note.format().decode()}}))
        return DirectoryVault(place / "vault")

    monkeypatch.setattr("auditseal_vault.thread_reader.open_reader", meanwhile)
    assert run(place, "--state", str(state), "--jobs", "1").exit_code == 0
    sizes = [log["head"].split("\n")[1] for log in json.loads(state.read_text())["logs"].values()]
    assert sizes == ["4", "3"]


def test_two_runs_at_one_time_that_see_two_histories_find_a_fork(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = place / "state.json"
    other = resigned(make_log(LOG, (20, 30, 25))[2], sealer="other")
    state.write_text('{"version": 1, "heads": {}}')

    def meanwhile(url: str) -> Any:
        state.write_text(json.dumps({"version": 1, "heads": {str(LOG): other.note.format().decode()}}))
        return DirectoryVault(place / "vault")

    monkeypatch.setattr("auditseal_vault.thread_reader.open_reader", meanwhile)
    answer = run(place, "--state", str(state), "--json", "--jobs", "1", "--evidence", str(place / "proof"))
    said = json.loads(answer.stdout)
    assert (answer.exit_code, said["exit_code"], said["ok"]) == (21, 21, False)
    assert [log["result"] for log in said["logs"]] == ["FAILED", "OK"]
    assert len(said["evidence"]) == 2


def test_a_state_file_that_is_broken(place: Path) -> None:
    state = place / "state.json"
    state.write_text("?")
    assert run(place, "--state", str(state)).exit_code == 2


def test_what_was_found_is_shown_though_nothing_can_be_kept(place: Path) -> None:
    """The folder of the memory isn't there, and the one for proofs would be in a file."""
    change_event(place)
    options = ("--state", str(place / "no" / "state"), "--state-new", "--evidence", str(place / "trust.txt" / "proof"))
    answer = run(place, *options)
    assert answer.exit_code == Verdict.BAD_RECORD.exit_code
    assert "record at offset 33" in answer.stdout
    assert [line.split(": ")[1].split(" /")[0] for line in answer.stderr.splitlines()] == [
        "the state file",
        "the evidence can't be written",
    ]
    said = json.loads(run(place, *options, "--json").stdout)
    assert (said["exit_code"], said["finding_count"], len(said["errors"])) == (17, 1, 2)


def test_an_interrupt_while_the_memory_is_written_takes_nothing_of_what_was_found(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another run may hold the memory's lock for longer than people wait."""

    def interrupted(file: Any, operation: int) -> None:
        raise KeyboardInterrupt

    state = ("--state", str(place / "state.json"), "--state-new")
    monkeypatch.setattr(fcntl, "flock", interrupted)
    answer = run(place, *state)
    assert (answer.exit_code, answer.stdout[:4]) == (1, "OK: ")
    assert answer.stderr == "auditseal verify: interrupted: the state file was not written\n"
    change_event(place)
    assert run(place, *state).exit_code == Verdict.BAD_RECORD.exit_code


def test_a_memory_that_cant_be_kept_is_never_ok(place: Path) -> None:
    answer = run(place, "--state", str(place / "no" / "state"), "--state-new", "--json")
    assert answer.exit_code == 1
    said = json.loads(answer.stdout)
    assert (said["ok"], said["exit_code"], said["finding_count"]) == (False, 1, 0)
    assert [log["result"] for log in said["logs"]] == ["OK", "OK"]
    assert "can't be written" in said["errors"][0]
    assert "can't be written" in answer.stderr
    assert run(place, "--state", str(place / "no" / "state"), "--state-new").stdout.startswith("OK: ")


def test_a_memory_that_was_mistyped_lost_or_not_mounted_is_no_first_run(place: Path) -> None:
    state = place / "state.json"
    assert run(place, "--state", str(state), "--state-new").exit_code == 0
    for typo in (place / "sate.json", place / "not" / "mounted.json"):
        answer = run(place, "--state", str(typo))
        assert (answer.exit_code, answer.stdout) == (2, "")
        assert "A first run says --state-new" in answer.stderr
        assert not typo.exists()


def test_a_first_run_is_so_only_once(place: Path) -> None:
    state = place / "state.json"
    assert run(place, "--state", str(state), "--state-new").exit_code == 0
    for arguments in (("--state", str(state), "--state-new"), ("--state-new",)):
        answer = run(place, *arguments)
        assert (answer.exit_code, answer.stdout) == (2, "")
        assert "--state-new is for a first run" in answer.stderr


def test_a_memory_of_no_pinned_log_anchors_nothing(place: Path) -> None:
    state = place / "state.json"
    state.write_text('{"version": 1, "heads": {}}')
    said = json.loads(run(place, "--state", str(state), "--json").stdout)
    assert said["anchor"] == "none"
    assert all(log["notices"][0].startswith("first seen: ") for log in said["logs"])


def test_a_fork_comes_with_files_that_prove_it(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault, logs = make_vault()
    vault.put(LOG.block_key(2), resigned(logs[0][2], sealer="other").format(), lock_until())
    monkeypatch.setattr("auditseal_vault.thread_reader.open_reader", lambda url: vault)
    answer = run(place, "--evidence", str(place / "proof"))
    assert answer.exit_code == Verdict.FORK.exit_code
    files = sorted((place / "proof").iterdir())
    assert [line for line in answer.stdout.splitlines() if line.startswith("evidence: ")] == [
        f"evidence: {path}" for path in files
    ]
    notes = [Note.parse(path.read_bytes()) for path in files]
    for note in notes:
        note.check([VerifierKey.parse(str(key)) for key in keys_of(LOG)])
    assert len({note.text for note in notes}) == 2
    assert len({note.text.split("\n")[1] for note in notes}) == 1


def test_a_later_proof_leaves_an_earlier_one_as_it_is(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    proofs: dict[str, bytes] = {}
    for sealer in ("other", "another", "other"):
        vault, logs = make_vault()
        vault.put(LOG.block_key(2), resigned(logs[0][2], sealer=sealer).format(), lock_until())
        monkeypatch.setattr("auditseal_vault.thread_reader.open_reader", lambda url, vault=vault: vault)
        assert run(place, "--evidence", str(place / "proof")).exit_code == Verdict.FORK.exit_code
        now = {path.name: path.read_bytes() for path in (place / "proof").iterdir()}
        assert proofs.items() <= now.items()
        proofs = now
    assert len(proofs) == 4


def test_a_fork_without_a_place_for_its_proof_asks_for_one(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    vault, logs = make_vault()
    hint = "note: a fork was found: run again with --evidence DIR to keep the proof for third parties"
    monkeypatch.setattr("auditseal_vault.thread_reader.open_reader", lambda url: vault)
    assert hint not in run(place).stdout.splitlines()
    vault.put(LOG.block_key(2), resigned(logs[0][2], sealer="other").format(), lock_until())
    assert hint in run(place).stdout.splitlines()
    assert hint not in run(place, "--evidence", str(place / "proof")).stdout.splitlines()


HOSTILE = ("\x1b[31mred", "\u202egpj.exe", "two\nlines", "\u2028", "[bold]markup", "\x9b0m", "\r")


def test_nothing_of_a_vault_reaches_a_terminal_unescaped(place: Path) -> None:
    folder = place / "vault" / "v1" / str(LOG)
    for name in HOSTILE:
        (folder / name).write_bytes(b"")
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff\xfe")).write_bytes(b"")
    answer = run(place)
    assert answer.exit_code == Verdict.BAD_STORAGE.exit_code
    lines = answer.stdout.splitlines()
    assert all(line.isprintable() for line in lines)
    assert sum("BAD_STORAGE: " in line for line in lines) == len(HOSTILE) + 1
    assert any("[bold]markup" in line for line in lines)
    found = json.loads(run(place, "--json").stdout)["logs"][0]["findings"]
    assert {one["object"].rpartition("/")[2] for one in found} >= set(HOSTILE)


def test_colour_is_for_terminals() -> None:
    answer = CliRunner().invoke(app, ["verify", "--trust", "/no/such"], color=False)
    assert "\x1b" not in answer.output


def test_an_interrupt_ends_it_without_a_verdict(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(url: str) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr("auditseal_vault.thread_reader.open_reader", interrupted)
    answer = run(place)
    assert answer.exit_code == 130
    assert "interrupted" in answer.stderr


def test_a_missing_extra_is_named(place: Path) -> None:
    code = "import sys; sys.modules['boto3'] = None; from auditseal.__main__ import main; main()"
    command = [sys.executable, "-c", code, "verify", "--trust", str(place / "trust.txt"), "--vault", "s3://bucket"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert answer.returncode == 2
    assert "pip install 'auditseal[auditor]'" in answer.stderr
