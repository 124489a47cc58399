"""`auditseal replicate` and `auditseal verify --copy`, on directories."""

from base64 import b64encode
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.hold_statement import Step
from auditseal_vault.hold_records import record_key
from auditseal_vault.open import open_vault
from tests.factory.copies import BLOCKS, LOG, UNTIL, content, put, run, write_trust
from tests.factory.people import ALICE, BOB, PEOPLE, accept_all
from tests.factory.vaults import make_log


@pytest.fixture
def trust(tmp_path: Path) -> Path:
    return write_trust(tmp_path)


@pytest.fixture
def folders(tmp_path: Path, trust: Path) -> tuple[Path, Path]:
    """Two directory vaults: one with all blocks, and a copy of it."""
    original, copy = tmp_path / "original", tmp_path / "copy"
    for folder in (original, copy):
        folder.mkdir()
    put(original.as_uri(), BLOCKS)
    assert run("replicate", trust, original.as_uri(), "--to", copy.as_uri())[0] == 0
    return original, copy


def remove(folder: Path, *heights: int) -> None:
    for height in heights:
        (folder / LOG.block_key(height)).unlink()


def damage(folder: Path, height: int) -> None:
    path = folder / LOG.block_key(height)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1] + b"!")


def compared(folders: tuple[Path, Path], trust: Path) -> tuple[int, Any]:
    original, copy = folders
    code, answer, _ = run("verify", trust, original.as_uri(), "--copy", copy.as_uri())
    return code, answer


def test_a_vault_and_its_copy_are_compared(folders: tuple[Path, Path], trust: Path) -> None:
    code, answer = compared(folders, trust)
    assert (code, answer["ok"], answer["copy"]["ok"], answer["copy"]["blocks"]) == (0, True, True, 24)
    assert answer["anchor"] == f"copy {folders[1].as_uri()} (1 head)"
    remove(folders[1], 22, 23)
    code, answer = compared(folders, trust)
    assert code == 0
    assert [notice for notice in answer["notices"] if "lacks" in notice] == [
        f"the copy lacks the last 2 of 24 blocks of {LOG}: replicate again"
    ]


def test_a_vault_that_lost_its_end_is_truncated_by_its_copy_and_restored_from_it(
    folders: tuple[Path, Path], trust: Path, tmp_path: Path
) -> None:
    original, copy = folders
    remove(original, 22, 23)
    code, answer = compared(folders, trust)
    assert (code, [finding["verdict"] for finding in answer["logs"][0]["findings"]]) == (14, ["TRUNCATED"])
    assert answer["copy"]["ok"]
    code, _, problem = run("replicate", trust, original.as_uri(), "--to", copy.as_uri())
    assert (code, "has 24 blocks" in problem) == (1, True)
    (tmp_path / "restored").mkdir()
    restored = (tmp_path / "restored").as_uri()
    assert run("replicate", trust, copy.as_uri(), "--to", restored)[0] == 0
    assert content(restored) == {LOG.block_key(block.header.height): block.format() for block in BLOCKS}


def test_a_vault_that_was_rewritten_with_its_key_is_a_fork_by_its_copy(folders: tuple[Path, Path], trust: Path) -> None:
    original, _ = folders
    remove(original, *range(len(BLOCKS)))
    put(original.as_uri(), make_log(LOG, [3] * 24, partitions=1))
    code, answer = compared(folders, trust)
    assert (code, [finding["verdict"] for finding in answer["logs"][0]["findings"]]) == (21, ["FORK"])


def test_a_copy_that_was_damaged_has_its_own_findings_and_blames_nothing_on_the_vault(
    folders: tuple[Path, Path], trust: Path
) -> None:
    damage(folders[1], 4)
    code, answer = compared(folders, trust)
    assert (code, answer["ok"], answer["copy"]["exit_code"], answer["anchor"]) == (code, True, code, "none")
    assert code >= 10


def test_a_block_that_is_not_valid_is_not_copied(folders: tuple[Path, Path], trust: Path) -> None:
    original, copy = folders
    remove(copy, *range(3, 24))
    damage(original, 4)
    code, _, problem = run("replicate", trust, original.as_uri(), "--to", copy.as_uri())
    assert code >= 10, problem
    assert len(content(copy.as_uri())) == 3


def test_what_does_not_fit_is_refused(folders: tuple[Path, Path], trust: Path) -> None:
    original, copy = (folder.as_uri() for folder in folders)
    code, _, problem = run("replicate", trust, original, "--to", original)
    assert (code, "is the vault itself" in problem) == (2, True)
    code, _, problem = run("replicate", trust, original, "--to", copy, "--encryption", "SSE-S3")
    assert (code, "a directory can't encrypt" in problem) == (2, True)
    state = ["--state", str(trust.with_name("state.json")), "--state-new", "--continue"]
    code, _, problem = run("verify", trust, original, "--copy", copy, *state)
    assert (code, "leave --continue out" in problem) == (2, True)


def test_a_pinned_start_is_refused(folders: tuple[Path, Path], trust: Path) -> None:
    root = b64encode(BLOCKS[3].frontier.root).decode()
    trust.write_text(f"{trust.read_text()}start {LOG} 3 {root}\n")
    code, _, problem = run("replicate", trust, folders[0].as_uri(), "--to", folders[1].as_uri())
    assert (code, "its log line has a start" in problem) == (2, True)


def test_the_result_as_text(folders: tuple[Path, Path], trust: Path) -> None:
    original, copy = (folder.as_uri() for folder in folders)
    done = CliRunner().invoke(app, ["replicate", "--trust", str(trust), "--vault", original, "--to", copy])
    assert done.stdout == f"{LOG}: 24 blocks, 0 copied and compared, 24 copied before\n"
    checked = CliRunner().invoke(app, ["verify", "--trust", str(trust), "--vault", original, "--copy", copy])
    assert "\ncopy: OK: " in checked.stdout


ADD, ASK = (ALICE, Step.ADD, (LOG, {3: "v3", 5: "v5"})), (BOB, Step.ASK, None)


@pytest.fixture
def signed(folders: tuple[Path, Path], trust: Path) -> tuple[Path, Path]:
    """The two vaults; the trust file names people, and the original has a case of them."""
    trust.write_text(trust.read_text() + "".join(f"person {key}\n" for key in PEOPLE))
    put_records(folders[0], *accept_all("CASE-7", ADD, ASK)[1])
    return folders


def put_records(folder: Path, *notes: bytes, name: str = "CASE-7", first: int = 0) -> None:
    vault = open_vault(folder.as_uri())
    for number, note in enumerate(notes, first):
        vault.put(record_key(name, number), note, UNTIL)


def records(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.glob("v1-holds/*/*")}


def replicated(folders: tuple[Path, Path], trust: Path) -> tuple[int, Any, str]:
    return run("replicate", trust, folders[0].as_uri(), "--to", folders[1].as_uri())


def test_the_records_of_holds_are_copied_and_compared(signed: tuple[Path, Path], trust: Path) -> None:
    code, answer = compared(signed, trust)
    said = "the copy lacks the last 2 of 2 statements of CASE-7: replicate again"
    assert (code, said in answer["notices"]) == (0, True)
    code, answer, _ = replicated(signed, trust)
    assert (code, answer["holds"]) == (0, {"cases": 1, "statements": 2, "held": 0, "lifted": 0})
    assert records(signed[1]) == records(signed[0])
    assert replicated(signed, trust)[1]["holds"]["statements"] == 0
    code, answer = compared(signed, trust)
    assert (code, [notice for notice in answer["notices"] if "lacks" in notice]) == (0, [])
    (signed[0] / record_key("CASE-7", 1)).unlink()
    code, answer = compared(signed, trust)
    assert (code, "someone removed or replaced records of legal holds" in answer["errors"][0]) == (1, True)


@pytest.mark.parametrize(
    ("in_original", "in_copy", "said"),
    [
        ([b"garbage"], [], "CASE-7/000002.note' in"),
        ([], [*accept_all("CASE-7", ADD, ASK)[1], b"garbage"], "copy into a new one if the first is good"),
        ([], accept_all("CASE-7", ADD, (ALICE, Step.ASK, None))[1], "case CASE-7 has other statements in"),
        ([], accept_all("CASE-7", ADD, ASK, (ALICE, Step.APPROVE, None))[1], "case CASE-7 has other statements in"),
    ],
)
def test_records_that_can_not_be_copied(
    signed: tuple[Path, Path], trust: Path, in_original: list[bytes], in_copy: list[bytes], said: str
) -> None:
    put_records(signed[0], *in_original, first=2)
    put_records(signed[1], *in_copy)
    code, answer, problem = replicated(signed, trust)
    assert (code, answer, said in problem) == (1, None, True), problem
    assert len(records(signed[1])) == max(2, len(in_copy))  # those that are valid are there


def test_a_case_that_the_copy_alone_has(signed: tuple[Path, Path], trust: Path) -> None:
    put_records(signed[1], *accept_all("OTHER", ADD)[1], name="OTHER")
    code, _, problem = replicated(signed, trust)
    assert (code, "case OTHER has other statements in" in problem) == (1, True)


def test_holds_of_a_log_that_is_not_copied(signed: tuple[Path, Path], trust: Path) -> None:
    other = replace(LOG, partition=1)
    put_records(signed[0], *accept_all("OTHER", (ALICE, Step.ADD, (other, {0: "v"})))[1], name="OTHER")
    code, _, problem = replicated(signed, trust)
    assert (code, f"blocks of {other} are held, and were not copied" in problem) == (1, True)


def test_records_without_people_of_the_trust_file(signed: tuple[Path, Path], trust: Path) -> None:
    write_trust(trust.parent)
    code, _, problem = replicated(signed, trust)
    assert (code, "the trust file names no person" in problem, records(signed[1])) == (1, True, {})
