"""An object that can't be read is a finding or an error at its height, and hides nothing behind it.

docs/reference/format.md, section 14, "An object without content".
"""

import os
import socket
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.report import Report, Result
from auditseal_auditor.request import Request
from auditseal_auditor.state.heads import Head
from auditseal_auditor.verification import Verification
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict
from auditseal_vault.directory import DirectoryVault
from auditseal_vault.open import open_reader
from tests.factory.audits import audit, places
from tests.factory.blocks import resigned
from tests.factory.vaults import ORIGINS, SEALED_AT, MemoryVault, Version, lock_until, make_log, make_trust, make_vault

LOG, OTHER = ORIGINS
WITHOUT_CONTENT = (Verdict.BAD_STORAGE, 0, 1, None, "object")


def make_socket(path: Path) -> None:
    """Make a socket under a short path first: an address has at most 108 bytes."""
    with tempfile.TemporaryDirectory() as short, socket.socket(socket.AF_UNIX) as end:
        end.bind(f"{short}/socket")
        Path(short, "socket").rename(path)


def make_full_directory(path: Path) -> None:
    path.mkdir()
    (path / "file").write_bytes(b"")


INTRUDERS: dict[str, Callable[[Path], None]] = {
    "a link to a block": lambda path: path.symlink_to(path.parent / "000000000000.avro"),
    "a link to a directory": lambda path: path.symlink_to("/etc"),
    "a link to nothing": lambda path: path.symlink_to("/nowhere"),
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "an empty directory": lambda path: path.mkdir(),
    "a FIFO": os.mkfifo,
    "a socket": make_socket,
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory vault of two logs with five blocks each, the fourth of which is tampered with in the first log."""
    vault = DirectoryVault(tmp_path)
    for origin in ORIGINS:
        for block in make_log(origin, (2,) * 5):
            vault.put(origin.block_key(block.header.height), block.format(), lock_until().retain_until)
    (tmp_path / LOG.block_key(3)).chmod(0o600)
    (tmp_path / LOG.block_key(3)).write_bytes(b"")
    return tmp_path


def audited(place: Path, jobs: int = 1, trust: Trust | None = None) -> Report:
    with CheckPool(partial(open_reader, place.as_uri()), jobs) as pool:
        return Verification(Request(trust or make_trust()), pool).run()


TAMPERED = (Verdict.MALFORMED, 0, 3, None, "container")


@pytest.mark.parametrize("intruder", INTRUDERS)
def test_an_entry_that_is_not_a_file_hides_nothing_behind_it(place: Path, intruder: str) -> None:
    path = place / LOG.block_key(1)
    path.unlink()
    INTRUDERS[intruder](path)
    report = audited(place)
    assert places(report) == [WITHOUT_CONTENT, TAMPERED]
    assert report.errors == []
    assert report.kept_findings[0].object == LOG.block_key(1)
    assert [log.result for log in report.logs] == [Result.FAILED, Result.OK]


@pytest.mark.parametrize("intruder", INTRUDERS)
@pytest.mark.parametrize("name", ["other", "blocks/other", "blocks/000000000005.avro.bak"])
def test_an_entry_at_a_foreign_key_is_one_finding(place: Path, intruder: str, name: str) -> None:
    INTRUDERS[intruder](place / f"v1/{LOG}/{name}")
    report = audited(place)
    assert places(report) == [(Verdict.BAD_STORAGE, 0, None, None, "key"), TAMPERED]
    assert report.exit_code == Verdict.BAD_STORAGE.exit_code
    assert report.kept_findings[0].object == f"v1/{LOG}/{name}"


def test_above_the_last_block_it_is_not_a_squatter(place: Path) -> None:
    (place / LOG.block_key(5)).mkdir()
    assert places(audited(place)) == [TAMPERED, (Verdict.BAD_STORAGE, 0, 5, None, "object")]


def test_a_directory_that_holds_a_file_is_two_findings(place: Path) -> None:
    make_full_directory(place / LOG.block_key(5))
    found = [*places(audited(place))]
    assert sorted(found, key=str) == sorted(
        [TAMPERED, (Verdict.BAD_STORAGE, 0, 5, None, "object"), (Verdict.BAD_STORAGE, 0, None, None, "key")], key=str
    )


def test_a_directory_of_blocks_that_is_a_link_is_a_foreign_key_and_the_log_is_missing(place: Path) -> None:
    blocks = place / f"v1/{LOG}/blocks"
    blocks.rename(place / "elsewhere")
    blocks.symlink_to(place / "elsewhere")
    assert places(audited(place)) == [
        (Verdict.BAD_STORAGE, 0, None, None, "key"),
        (Verdict.MISSING_LOG, 0, None, None, "origin"),
    ]


def test_a_file_where_a_logs_directory_should_be_is_a_finding_and_the_other_log_is_verified(place: Path) -> None:
    run = place / f"v1/{LOG}"
    run.rename(place / "elsewhere")
    run.write_bytes(b"")
    report = audited(place)
    assert places(report) == [
        (Verdict.BAD_STORAGE, 0, None, None, "key"),
        (Verdict.MISSING_LOG, 0, None, None, "origin"),
    ]
    assert report.logs[1].result is Result.OK


def test_a_log_on_another_disk_is_verified_like_any_other(place: Path) -> None:
    run = place / f"v1/{LOG}"
    run.rename(place / "elsewhere")
    run.symlink_to(place / "elsewhere")
    assert places(audited(place)) == [TAMPERED]


def test_processes_report_it_too(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditseal_auditor.check_pool._SECONDS_BEFORE_SPAWN", 0)
    path = place / LOG.block_key(1)
    path.unlink()
    path.mkdir()
    assert places(audited(place, jobs=2)) == [WITHOUT_CONTENT, TAMPERED]


def test_a_version_without_content_is_one_finding_without_one_of_its_lock() -> None:
    vault, logs = make_vault(sizes=(1,) * 5)
    vault.objects[LOG.block_key(1)] = [Version("v1", b"", None)]
    vault.unreadable.add(LOG.block_key(1))
    vault.replace(LOG.block_key(4), resigned(logs[0][4], last_link=bytes(32)).format())
    assert places(audit(vault)) == [WITHOUT_CONTENT, (Verdict.BAD_RECORD, 0, 4, None, "last_link")]


def test_another_version_without_content_is_passed_over() -> None:
    class Half(MemoryVault):
        def read(self, key: str, version_id: str = "") -> bytes:
            self.unreadable = {key} if version_id == "v2" else set()
            return super().read(key, version_id)

    good, logs = make_vault()
    vault = Half(objects=good.objects)
    vault.put(LOG.block_key(1), b"", lock_until())
    vault.put(LOG.block_key(1), resigned(logs[0][1], sealer="x").format(), lock_until())
    found = [(place[0], place[2], place[4]) for place in places(audit(vault))]
    assert found == [(Verdict.BAD_STORAGE, 1, "versions"), (Verdict.FORK, 1, "checkpoint.root")]


def test_a_whole_log_without_content_is_missing() -> None:
    vault, _ = make_vault()
    vault.unreadable = {LOG.block_key(height) for height in range(3)}
    expected = [(Verdict.BAD_STORAGE, 0, height, None, "object") for height in range(3)]
    assert places(audit(vault)) == [(Verdict.MISSING_LOG, 0, None, None, "origin"), *expected]


def refused_vault(*heights: int, blocks: int = 5) -> MemoryVault:
    vault, _ = make_vault(sizes=(1,) * blocks)
    vault.refused = {LOG.block_key(height) for height in heights}
    return vault


@pytest.mark.parametrize("heights", [(0,), (1,), (1, 2), (4,), (0, 1, 2, 3, 4)], ids=str)
def test_a_refused_object_is_an_error_and_never_ok(heights: tuple[int, ...]) -> None:
    report = audit(refused_vault(*heights))
    assert places(report) == []
    assert [log.result for log in report.logs] == [Result.UNKNOWN, Result.OK]
    assert report.exit_code == 1
    assert report.errors[0].startswith(f"{LOG.block_key(heights[0])}: access is denied")
    assert report.errors[0].endswith(f"(and {len(heights) - 1} more objects like it)") == (len(heights) > 1)


def test_a_refused_object_hides_nothing_behind_it() -> None:
    vault = refused_vault(1)
    vault.replace(LOG.block_key(3), b"")
    report = audit(vault)
    assert places(report) == [TAMPERED]
    assert (report.exit_code, len(report.errors)) == (Verdict.MALFORMED.exit_code, 1)


def test_below_a_refused_object_nothing_is_a_squatter() -> None:
    vault = refused_vault(4)
    vault.replace(LOG.block_key(3), b"")
    assert places(audit(vault)) == [TAMPERED]
    vault.put(LOG.block_key(5), b"", lock_until())
    assert places(audit(vault)) == [TAMPERED, (Verdict.SQUATTED, 0, 5, None, "container")]


def test_a_log_whose_end_is_refused_is_not_called_stale() -> None:
    late = SEALED_AT + 10**6
    stale = [(Verdict.STALE, partition, 4, None, "sealed_at") for partition in (0, 1)]
    assert places(audit(refused_vault(4), oldest=late)) == stale[1:]
    assert places(audit(refused_vault(3), oldest=late)) == stale


def test_a_log_with_a_refused_object_is_compared_with_its_head() -> None:
    head = Head.of(make_log(LOG, (1,) * 6)[5].note)
    report = audit(refused_vault(1), heads={LOG: head})
    assert places(report) == [(Verdict.TRUNCATED, 0, 5, None, "height")]
    assert places(audit(refused_vault(5, blocks=6), heads={LOG: head})) == []
