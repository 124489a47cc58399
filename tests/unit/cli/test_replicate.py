"""`auditseal replicate` and `auditseal verify --copy`, on directories."""

from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from tests.factory.copies import BLOCKS, LOG, content, put, run, write_trust
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
