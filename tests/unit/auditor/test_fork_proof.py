"""The proof of a fork as files: its names, its bytes, and the block that belongs to it."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from auditseal_auditor.findings import Finding
from auditseal_auditor.fork_proof import write_fork_proofs
from auditseal_schemas.block import Block
from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_schemas.verdict import Verdict
from tests.factory.audits import audit, places
from tests.factory.blocks import resigned
from tests.factory.keys import OTHER_SIGNER
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
    files = write_fork_proofs(tmp_path / "new" / "proof", [fork(2, logs[0][2], other)], vault)
    assert [path.read_bytes() for path in files] == [logs[0][2].note.format(), other.note.format()]
    assert sorted((tmp_path / "new" / "proof").iterdir()) == files
    stems = {path.name.rpartition("-")[0] for path in files}
    assert len(stems) == 1
    assert stems.pop().startswith(f"{STEM}-2-")
    assert [path.name.rpartition("-")[2] for path in files] == ["1.note", "2.note"]


def test_a_second_note_of_another_size_comes_with_the_block_as_it_was_stored_first(tmp_path: Path) -> None:
    vault, logs = make_vault()
    vault.put(LOG.block_key(2), b"later", lock_until())
    files = write_fork_proofs(tmp_path, [fork(1, logs[0][1], logs[0][2])], vault)
    assert [path.name.rpartition("-")[2] for path in files] == ["1.note", "2.note", "2.avro"]
    assert files[2].read_bytes() == logs[0][2].format()


def test_a_block_that_vanished_meanwhile_is_told_and_the_notes_are_written(tmp_path: Path) -> None:
    vault, logs = make_vault()
    del vault.objects[LOG.block_key(2)]
    with pytest.raises(UnavailableError, match="is not in the vault any more"):
        write_fork_proofs(tmp_path, [fork(1, logs[0][1], logs[0][2])], vault)
    assert len(list(tmp_path.glob("*.note"))) == 2


def test_each_fork_has_names_of_its_own_and_what_proves_nothing_has_none(tmp_path: Path) -> None:
    vault, logs = make_vault()
    one, other = (fork(2, logs[0][2], resigned(logs[0][2], sealer=name)) for name in ("one", "other"))
    nothing = replace(one, evidence=())
    assert len({path.name for path in write_fork_proofs(tmp_path, [one, nothing, other], vault)}) == 4
    assert write_fork_proofs(tmp_path, [nothing], vault) == []


def test_files_that_cant_be_written_are_a_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AuditsealError, match="the evidence can't be written"):
        write_fork_proofs(tmp_path / "file", [], make_vault()[0])


def test_a_proofs_files_are_named_by_the_notes_own_hash(tmp_path: Path) -> None:
    vault, logs = make_vault()
    notes = [block.note.format() for block in (logs[0][2], resigned(logs[0][2], sealer="other"))]
    texts = tuple(note.decode() for note in notes)
    proof = Finding(verdict=Verdict.FORK, origin=LOG, height=2, field="checkpoint.root", detail="", evidence=texts)
    files = write_fork_proofs(tmp_path, [proof], vault)
    stem = f"fork-a.example~audit.events~0~0-2-{sha256(b''.join(notes)).hexdigest()[:16]}"
    assert [file.name for file in files] == [f"{stem}-1.note", f"{stem}-2.note"]
    assert write_fork_proofs(tmp_path, [proof], vault) == files


def test_what_a_stranger_signed_hides_no_fork() -> None:
    vault, logs = make_vault()
    key = LOG.block_key(1)
    for signer in (OTHER_SIGNER, None):
        signers = {"signers": (signer,)} if signer else {}
        vault.put(key, resigned(logs[0][1], sealer=f"rival/{signer is None}", **signers).format(), lock_until())
    assert places(audit(vault))[-1] == (Verdict.FORK, 0, 1, None, "checkpoint.root")
    vault.objects[key].insert(1, vault.objects[key].pop())
    assert places(audit(vault))[-1] == (Verdict.FORK, 0, 1, None, "checkpoint.root")
