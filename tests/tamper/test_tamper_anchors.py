"""`auditseal verify` with anchors outside the vault: remembered heads, logs that must be there, proofs of forks."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.note import sign_note
from auditseal_schemas.origin import Origin
from auditseal_schemas.verdict import Verdict
from tests.factory.keys import SIGNER, keys_of
from tests.factory.vaults import ORIGINS
from tests.oracle import anchor
from tests.oracle.reader import Refused
from tests.oracle.verifier import values
from tests.tamper.records import ATTACKER, edits, remade_log
from tests.tamper.thief import handed_over, with_blocks
from tests.tamper.world import HEIGHTS, LAST, TRUST, Objects, heads, history, untouched

LOG, OTHER = ORIGINS
VKEYS = [line.split()[1] for line in TRUST.splitlines() if line.startswith(f"log {LOG}+")]
"""All that a third party has."""


@dataclass(frozen=True)
class Place:
    """A vault in a directory, and an auditor's files next to it."""

    folder: Path

    @property
    def state(self) -> Path:
        return self.folder / "heads.json"

    def remembered(self) -> dict[str, str]:
        """Return the note of each remembered head."""
        return {origin: log["head"] for origin, log in json.loads(self.state.read_text())["logs"].items()}

    def fill(self, objects: Objects) -> None:
        """Make the vault hold these objects and no others."""
        vault = self.folder / "vault"
        (vault / "v1").mkdir(parents=True, exist_ok=True)
        for path in vault.rglob("*.avro"):
            path.unlink()
        for key, (version, *_) in objects.items():
            assert version.data is not None
            (vault / key).parent.mkdir(parents=True, exist_ok=True)
            (vault / key).write_bytes(version.data)

    def verify(self, *options: str, trust: str = TRUST) -> dict[str, Any]:
        (self.folder / "trust.txt").write_text(trust)
        command = ["verify", "--trust", str(self.folder / "trust.txt"), "--vault", (self.folder / "vault").as_uri()]
        result = CliRunner().invoke(app, [*command, "--json", "--jobs", "1", *options], catch_exceptions=False)
        answer: dict[str, Any] = json.loads(result.stdout)
        assert answer["exit_code"] == result.exit_code
        return answer

    def verify_with_state(self, *options: str) -> dict[str, Any]:
        return self.verify("--state", str(self.state), *options)


def found(answer: Mapping[str, Any]) -> list[tuple[str, str, int | None, str]]:
    every = [*answer["findings"], *(one for log in answer["logs"] for one in log["findings"])]
    return [(one["verdict"], one["origin"], one["height"], one["field"]) for one in every]


def backup(*sizes: int) -> Objects:
    """Return the vault as it was with that number of blocks of each log."""
    return {
        key: versions
        for origin, size in zip(ORIGINS, sizes, strict=True)
        for key, versions in untouched().items()
        if key in {origin.block_key(height) for height in range(size)}
    }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A vault that was verified, and is remembered."""
    made = Place(tmp_path)
    made.fill(untouched())
    answer = made.verify_with_state("--state-new")
    assert (answer["ok"], answer["anchor"]) == (True, "none")
    return made


def test_what_is_remembered_are_the_notes_that_the_second_reader_reads(place: Place) -> None:
    remembered = place.remembered()
    assert tuple(remembered.values()) == heads()
    for origin, note in remembered.items():
        anchor.check_signed(note.encode(), origin, [str(key) for key in keys_of(Origin.parse(origin))])


def test_every_old_backup_is_a_truncation_and_isnt_remembered(place: Place) -> None:
    before = place.remembered()
    for sizes in product(range(1, LAST + 2), repeat=2):
        place.fill(backup(*sizes))
        assert place.verify()["ok"], "nothing in the vault tells of it"
        expected = [
            ("TRUNCATED", str(origin), size, "height")
            for origin, size in zip(ORIGINS, sizes, strict=True)
            if size <= LAST
        ]
        for options in ((), ("--quick",)):
            assert found(place.verify_with_state(*options)) == expected
        assert place.remembered() == before


def test_an_old_backup_of_the_state_as_well_tells_nothing_and_says_how_many_heads_it_had(place: Place) -> None:
    """The memory must be where the vault's operators can't write: rolling back both is not detected."""
    place.fill(backup(2, 2))
    old = {str(LOG): history(LOG).blocks[1].note.format().decode()}
    place.state.write_text(json.dumps({"version": 1, "heads": old}))
    answer = place.verify_with_state()
    assert (answer["ok"], answer["anchor"]) == (True, f"state {place.state} (1 head)")
    assert [len(log["notices"]) for log in answer["logs"]] == [0, 1]
    place.state.write_text('{"version": 1, "heads": {}}')
    answer = place.verify_with_state()
    assert (answer["ok"], answer["anchor"]) == (True, "none")


def test_a_log_that_vanished_is_missing_with_a_memory_and_without(place: Place) -> None:
    place.fill(backup(0, LAST + 1))
    assert found(place.verify()) == found(place.verify_with_state()) == [("MISSING_LOG", str(LOG), None, "origin")]


def test_a_vault_that_is_empty_is_never_ok(place: Place) -> None:
    place.fill({})
    answer = place.verify_with_state()
    assert found(answer) == [("MISSING_LOG", str(origin), None, "origin") for origin in ORIGINS]
    assert answer["exit_code"] == Verdict.MISSING_LOG.exit_code


def test_a_log_that_is_left_out_of_the_trust_file_is_missed_where_it_is_expected(place: Place) -> None:
    """Partitions show themselves by the others' headers; a whole topic only by --expect or the memory's notice."""
    only = "".join(line + "\n" for line in TRUST.splitlines() if f"{OTHER}+" in line)
    assert found(place.verify(trust=only)) == [("MISSING_LOG", str(OTHER), LAST, "partitions")]
    answer = place.verify("--expect", str(LOG), "--expect", str(OTHER), trust=only)
    assert found(answer)[0] == ("MISSING_LOG", str(LOG), None, "origin")
    noticed = place.verify("--state", str(place.state), trust=only)
    assert any(str(LOG) in notice for notice in noticed["notices"])


def test_a_whole_topic_that_is_absent_is_missed_where_it_is_expected(place: Place) -> None:
    assert place.verify("--expect", str(LOG), "--expect", str(OTHER))["ok"]
    answer = place.verify("--expect", "a.example/audit.admin/0/0")
    assert found(answer) == [("MISSING_LOG", "a.example/audit.admin/0/0", None, "origin")]


@pytest.mark.parametrize("height", HEIGHTS)
def test_a_rewritten_log_is_a_fork_that_a_third_party_can_check(place: Place, height: int, tmp_path: Path) -> None:
    """The third party has the two files and the log's key: no vault, no code of ours, no word of the auditor's."""
    (_, edit), *_ = edits(height)
    place.fill(with_blocks(remade_log(history(LOG), height, edit, SIGNER).blocks))
    answer = place.verify()
    assert (answer["ok"], answer["anchor"]) == (True, "none")
    values(tmp_path / "vault", TRUST)  # nor does the second reader see anything without a memory

    answer = place.verify_with_state("--evidence", str(tmp_path / "proof"))
    assert found(answer) == [("FORK", str(LOG), LAST, "checkpoint.root")]
    first, second = sorted((tmp_path / "proof").iterdir())
    assert answer["evidence"] == [str(first), str(second)]
    assert anchor.check_fork(first.read_bytes(), second.read_bytes(), VKEYS) == (str(LOG), LAST + 1)
    assert [log["result"] for log in place.verify_with_state()["logs"]] == ["FAILED", "OK"]


def test_a_proof_of_a_fork_convinces_nobody_else() -> None:
    true = history(LOG).blocks[LAST].note.format()
    (_, edit), *_ = edits(LAST)
    false = remade_log(history(LOG), LAST, edit, SIGNER).blocks[LAST].note
    assert anchor.check_fork(true, false.format(), VKEYS) == (str(LOG), LAST + 1)
    no_proof = {
        "the same note": true,
        "an earlier head": history(LOG).blocks[1].note.format(),
        "another log's": history(OTHER).blocks[LAST].note.format(),
        "signed by a stranger": sign_note(false.text, str(LOG), [ATTACKER]).format(),
        "with a bad signature": false.format()[:-4] + b"AA=\n",
    }
    for second in no_proof.values():
        with pytest.raises((Refused, ValueError)):
            anchor.check_fork(true, second, VKEYS)
    with pytest.raises(Refused):
        anchor.check_fork(true, false.format(), [str(key) for key in keys_of(LOG, ATTACKER)])


def test_a_fork_whose_block_is_gone_is_proven_by_the_next_one(place: Place, tmp_path: Path) -> None:
    """The vault holds a rewritten log that has grown, but for the block of the remembered size.

    The third party has the files and the log's key, and not the vault.
    """
    (_, edit), *_ = edits(0)
    log = remade_log(history(LOG), 0, edit, SIGNER)
    known = {"version": 1, "heads": {str(LOG): history(LOG).blocks[1].note.format().decode()}}
    place.state.write_text(json.dumps(known))
    place.fill({key: versions for key, versions in with_blocks(log.blocks).items() if key != LOG.block_key(1)})
    answer = place.verify_with_state("--evidence", str(tmp_path / "proof"))
    assert found(answer) == [
        ("BROKEN_CHAIN", str(LOG), 1, "height"),
        ("FORK", str(LOG), 1, "checkpoint.root"),
    ]
    files = sorted((tmp_path / "proof").iterdir())
    assert sorted(answer["evidence"]) == [str(path) for path in files]
    assert [path.name[-7:] for path in files] == ["-1.note", "-2.avro", "-2.note"]
    first, block, second = (path.read_bytes() for path in files)
    assert anchor.check_fork_by_block(first, block, VKEYS) == (str(LOG), 2)
    assert second == log.blocks[2].note.format()
    with pytest.raises(Refused):
        anchor.check_fork_by_block(first, history(LOG).blocks[2].format(), VKEYS)


def test_a_log_that_was_handed_to_another_key_is_a_fork(place: Place) -> None:
    place.fill(with_blocks(handed_over(1).blocks))
    assert place.verify()["ok"]
    assert found(place.verify_with_state()) == [("FORK", str(LOG), LAST, "checkpoint.root")]
