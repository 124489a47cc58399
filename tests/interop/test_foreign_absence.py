"""A Go program, written from docs/reference/absence.md, checks proofs of completeness with golang.org/x/mod/sumdb."""

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.factory import index_example
from tests.factory.programs import go_program
from tests.unit.schemas import test_completeness_proof as completeness
from tests.unit.test_oracle_absence import text

PROGRAM = Path(__file__).parent / "absencecheck"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Go program, built once; the module it needs is pinned by go.sum."""
    return go_program(PROGRAM, tmp_path_factory.mktemp("go"))


class Checker:
    """The program with a trust file."""

    def __init__(self, program: Path, folder: Path, trust: str) -> None:
        self._program, self._trust, self._proof = program, folder / "trust.txt", folder / "x.proof"
        self._trust.write_text(trust)

    def run(self, proof: bytes) -> subprocess.CompletedProcess[str]:
        self._proof.write_bytes(proof)
        command = [self._program, self._trust, self._proof]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def hits(self, proof: bytes) -> dict[str, Any]:
        done = self.run(proof)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def refusal(self, proof: bytes) -> str:
        done = self.run(proof)
        assert done.returncode == 1, done.stdout
        return done.stderr


@pytest.fixture
def checker(program: Path, tmp_path: Path) -> Checker:
    return Checker(program, tmp_path, text(completeness.TRUST))


def test_go_finds_the_same_records_of_every_term(checker: Checker) -> None:
    terms = sorted({term for segment in completeness.INDEX.segments for term in segment.postings})
    for proof in [*map(completeness.INDEX.prove, terms[::5]), completeness.BOTH]:
        ours, theirs = proof.check(completeness.TRUST), checker.hits(proof.format())
        offsets = [{"Origin": str(log.origin), "Offset": offset} for log in ours.logs for offset in log.offsets]
        assert (theirs["Hits"] or []) == offsets
        assert theirs["Heads"] == [{"Name": str(log.origin), "Size": log.head.size} for log in ours.logs]


def test_go_finds_no_record_of_a_term_that_is_absent(checker: Checker) -> None:
    assert checker.hits(completeness.INDEX.prove(completeness.NOBODY).format())["Hits"] is None


def test_go_checks_the_example_of_the_page(program: Path, tmp_path: Path) -> None:
    checker = Checker(program, tmp_path, index_example.TRUST)
    hits = checker.hits(index_example.completeness().format())["Hits"]
    assert [hit["Offset"] for hit in hits] == [0, 2]
    assert checker.hits(index_example.absence().format())["Hits"] is None


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        (completeness.dropped_posting, "BAD_ROOT: terms"),
        (completeness.forged_entry, "BAD_ROOT: index log"),
        (completeness.foreign_tree, "BAD_ROOT: terms"),
        (lambda segments: segments.pop(1), "BROKEN_CHAIN: a segment begins at block 3"),
        (lambda segments: segments.pop(0), "BROKEN_CHAIN: a segment begins at block 1"),
        (lambda segments: segments.clear(), "MALFORMED: a log without segments"),
    ],
)
def test_go_refuses_the_same_lies(change: Any, verdict: str, checker: Checker) -> None:
    assert verdict in checker.refusal(completeness.with_segments(completeness.BOTH, change).format())


def test_go_refuses_other_neighbours_another_key_and_a_stale_checkpoint(checker: Checker) -> None:
    index = completeness.INDEX
    nobody = index.prove(completeness.NOBODY)
    other = index.prove(completeness.Term("actor.id", "u-5")).logs[0].segments[0]
    moved = completeness.with_segments(nobody, lambda found: found.__setitem__(0, other))
    assert "BROKEN_CHAIN: the neighbours do not enclose the term" in checker.refusal(moved.format())
    foreign = replace(index, signer=completeness.OTHER_SIGNER).prove(completeness.READ)
    assert "BAD_SIGNATURE" in checker.refusal(foreign.format())
    stale = replace(completeness.BOTH, note=replace(index, segments=index.segments[:4]).note)
    assert "BAD_ROOT: index log" in checker.refusal(stale.format())
    assert "MISSING_LOG" in checker.refusal(replace(index, name="other.example").prove(completeness.READ).format())


def test_go_refuses_a_slice_of_all_changes_and_cuts(checker: Checker) -> None:
    data = completeness.INDEX.prove(completeness.NOBODY).format()
    for position in range(5, len(data), 151):
        changed = bytearray(data)
        changed[position] ^= 1 << position % 8
        checker.refusal(bytes(changed))
        checker.refusal(data[:position])
