"""The proof of a fork as files: its names, its bytes, and the block that belongs to it."""

from dataclasses import replace
from pathlib import Path

import pytest

from auditseal_auditor.evidence import write_evidence
from auditseal_auditor.finding import Finding
from auditseal_schemas.block import Block
from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_schemas.verdict import Verdict
from tests.factory.blocks import resigned
from tests.factory.vaults import ORIGINS, lock_until, make_vault

LOG = ORIGINS[0]
STEM = "fork-a.example~audit.events~0~0"


def fork(height: int, *blocks: Block) -> Finding:
    notes = tuple(block.note.format().decode() for block in blocks)
    field, detail = "checkpoint.root", "two histories"
    return Finding(verdict=Verdict.FORK, origin=LOG, height=height, field=field, detail=detail, evidence=notes)


def test_two_notes_of_one_size_are_all_there_is_to_write(tmp_path: Path) -> None:
    vault, logs = make_vault()
    other = resigned(logs[0][2], sealer="other")
    files = write_evidence(tmp_path / "new" / "proof", [fork(2, logs[0][2], other)], vault)
    assert [path.read_bytes() for path in files] == [logs[0][2].note.format(), other.note.format()]
    assert sorted((tmp_path / "new" / "proof").iterdir()) == files
    stems = {path.name.rpartition("-")[0] for path in files}
    assert len(stems) == 1
    assert stems.pop().startswith(f"{STEM}-2-")
    assert [path.name.rpartition("-")[2] for path in files] == ["1.note", "2.note"]


def test_a_second_note_of_another_size_comes_with_the_block_as_it_was_stored_first(tmp_path: Path) -> None:
    vault, logs = make_vault()
    vault.put(LOG.block_key(2), b"later", lock_until())
    files = write_evidence(tmp_path, [fork(1, logs[0][1], logs[0][2])], vault)
    assert [path.name.rpartition("-")[2] for path in files] == ["1.note", "2.note", "2.avro"]
    assert files[2].read_bytes() == logs[0][2].format()


def test_a_block_that_vanished_meanwhile_is_told_and_the_notes_are_written(tmp_path: Path) -> None:
    vault, logs = make_vault()
    del vault.objects[LOG.block_key(2)]
    with pytest.raises(UnavailableError, match="is not in the vault any more"):
        write_evidence(tmp_path, [fork(1, logs[0][1], logs[0][2])], vault)
    assert len(list(tmp_path.glob("*.note"))) == 2


def test_each_fork_has_names_of_its_own_and_what_proves_nothing_has_none(tmp_path: Path) -> None:
    vault, logs = make_vault()
    one, other = (fork(2, logs[0][2], resigned(logs[0][2], sealer=name)) for name in ("one", "other"))
    nothing = replace(one, evidence=())
    assert len({path.name for path in write_evidence(tmp_path, [one, nothing, other], vault)}) == 4
    assert write_evidence(tmp_path, [nothing], vault) == []


def test_files_that_cant_be_written_are_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AuditsealError, match="the evidence can't be written"):
        write_evidence(tmp_path / "file", [], make_vault()[0])
