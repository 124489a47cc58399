"""`auditseal index attest`: an honest index passes, and each false claim leaves a proof that anyone can check."""

import json
import shutil
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from typer.testing import Result

from auditseal_search import terms_file
from auditseal_search.term_postings import field_terms
from tests.oracle.absence import check_fraud
from tests.unit.search.test_completeness import ProvingPlace
from tests.unit.search.test_index_signer import run
from tests.unit.search.test_search_command import BLOCKS, LOG, small_segments  # noqa: F401  (a fixture)

HIDDEN = 200
"""The offset of the record that the owner lies about: in the second of three segments."""
FIRST, ROWS = 151, 153
"""The first offset of that segment, and the number of its rows, which no other segment has."""


class AttestedPlace(ProvingPlace):
    def attest(self, *more: str) -> Result:
        return self.run("index", "attest", "--jobs", "1", "--evidence", str(self.evidence), *more)

    @property
    def evidence(self) -> Path:
        return self.vault.parent / "evidence"

    def frauds(self) -> list[Path]:
        return sorted(self.evidence.glob("*.fraud")) if self.evidence.is_dir() else []

    def rewrite(self, change: Callable[[pa.Table], pa.Table]) -> None:
        """Change the rows of the segment that has the hidden record, as its owner can, before it is signed."""
        folder = self.index / f"v1/{LOG}"
        path = folder / "rows/000000000002-000000000003.parquet"
        before = sha256(path.read_bytes()).hexdigest()
        pq.write_table(change(pq.read_table(path)), path)
        manifest = folder / "manifest.json"
        text = manifest.read_text().replace(before, sha256(path.read_bytes()).hexdigest())
        assert text != manifest.read_text()
        manifest.write_text(text)


@pytest.fixture
def place(small_segments: None, tmp_path: Path) -> AttestedPlace:  # noqa: F811  (pytest's way)
    place = AttestedPlace(tmp_path)
    place.put(BLOCKS)
    assert place.build().exit_code == 0
    return place


def without(table: pa.Table) -> pa.Table:
    return table.filter(pc.field("offset") != HIDDEN)


def renamed(table: pa.Table) -> pa.Table:
    names = pc.if_else(pc.equal(table["offset"], HIDDEN), "somebody else", table["actor_id"])
    return table.set_column(table.column_names.index("actor_id"), "actor_id", names)


def hide_postings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the rows as they are, and a record out of the postings of its tenant."""

    def lying(field: str, place: Any, column: pa.ChunkedArray, offsets: Any) -> Any:
        if field == "tenant" and len(offsets) == ROWS:
            shown = pa.array(offsets != HIDDEN - FIRST)
            column = pa.chunked_array([pc.if_else(shown, column.combine_chunks(), None)])
        return field_terms(field, place, column, offsets)

    monkeypatch.setattr(terms_file, "field_terms", lying)


def check_frauds(place: AttestedPlace) -> None:
    """Check that there is one proof of fraud, which both checkers accept."""
    (path,) = place.frauds()
    done = run(["check-proof", "--trust", str(place.trust), str(path), "--json"])
    assert done.exit_code == 5, done.output
    assert json.loads(done.stdout)["record"]["offset"] == HIDDEN
    check_fraud(path.read_bytes(), place.trust.read_text())


def test_an_honest_index_is_attested(place: AttestedPlace) -> None:
    place.sign()
    done = place.attest()
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == [
        f"{LOG}, blocks {first} to {last}: the index signed what the blocks make"
        for first, last in ((0, 1), (2, 3), (4, 4))
    ]
    assert place.frauds() == []


@pytest.mark.parametrize("change", [without, renamed])
def test_rows_that_the_owner_changed_leave_a_proof_of_fraud(
    change: Callable[[pa.Table], pa.Table], place: AttestedPlace
) -> None:
    place.rewrite(change)
    assert place.sign().exit_code == 0
    done = place.attest()
    assert done.exit_code == 5
    assert f"{LOG}, blocks 2 to 3: other values were signed than the blocks make: " in done.stderr
    assert "terms_root" in done.stderr
    check_frauds(place)


def test_a_posting_that_the_owner_left_out_leaves_a_proof_of_fraud(
    place: AttestedPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as lying:
        hide_postings(lying)
        assert place.sign().exit_code == 0
    done = place.attest("--json")
    assert done.exit_code == 5
    wrong = [one for one in json.loads(done.stdout)["segments"] if one["problem"]]
    assert [(one["first_height"], one["fraud"]) for one in wrong] == [(2, True)]
    check_frauds(place)


def test_a_lie_in_a_proof_is_proven_even_if_the_index_is_honest_again(
    place: AttestedPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner hands out a false proof, and puts honest files in the place of the lying ones."""
    hits = json.loads(place.run("search", f"offset = {HIDDEN}", "--json").stdout)["hits"]
    tenant = hits[0]["tenant"]
    with monkeypatch.context() as lying:
        hide_postings(lying)
        place.sign()
        place.prove(f"tenant = {tenant}")
    assert HIDDEN not in json.loads(place.check("--json").stdout)["logs"][0]["offsets"]
    assert place.attest("--proof", str(place.proof)).exit_code == 5
    check_frauds(place)
    shutil.rmtree(place.evidence)
    (folder,) = place.index.glob(f"v1/{LOG}")
    terms_file.write_terms(folder / "rows/000000000002-000000000003.parquet", FIRST, folder / "again")
    (folder / "again").replace(folder / "000000000002-000000000003.terms")
    done = place.attest()
    assert done.exit_code == 3
    assert "no fraud can be proven from its files" in done.stderr
    assert place.frauds() == []
    assert place.attest("--proof", str(place.proof)).exit_code == 5
    check_frauds(place)


def test_an_absence_that_is_false_is_proven(place: AttestedPlace) -> None:
    (hit,) = json.loads(place.run("search", f"offset = {HIDDEN}", "--json").stdout)["hits"]
    place.rewrite(without)
    place.sign()
    place.prove(f"event_id = {hit['event_id']} and tenant = {hit['tenant']}")
    done = place.attest("--proof", str(place.proof))
    assert done.exit_code == 5
    assert "the proof is wrong about 1 records with event_id = " in done.stderr
    check_frauds(place)


def test_an_honest_proof_is_attested(place: AttestedPlace) -> None:
    place.sign()
    for query in ("actor = u-1842", "outcome = DENIED and tenant = acorn"):
        place.prove(query)
        assert place.attest("--proof", str(place.proof)).exit_code == 0
    place.proof.write_bytes(place.proof.read_bytes()[:-1])
    assert place.attest("--proof", str(place.proof)).exit_code == 10


def test_other_bytes_of_the_same_rows_are_not_a_lie(place: AttestedPlace) -> None:
    """Another version of the library that writes Parquet makes other files."""
    place.rewrite(lambda table: table)
    place.sign()
    assert place.attest().exit_code == 0


def test_a_sum_that_is_false_is_reported(place: AttestedPlace) -> None:
    manifest = place.index / f"v1/{LOG}/manifest.json"
    value = json.loads(manifest.read_text())
    value["segments"][0]["problems"] += 1
    manifest.write_text(json.dumps(value))
    place.sign()
    done = place.attest()
    assert done.exit_code == 3
    assert "other values were signed than the blocks make: problems" in done.stderr


def test_an_index_that_is_not_signed_is_said_to_be_so(place: AttestedPlace) -> None:
    done = place.attest()
    assert done.exit_code == 2
    assert "is not signed" in done.stderr


def test_a_block_that_does_not_hold_is_the_verdict(place: AttestedPlace) -> None:
    place.sign()
    path = place.vault / LOG.block_key(3)
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    assert place.attest().exit_code >= 10
