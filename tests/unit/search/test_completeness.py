"""`auditseal search --prove` and `check-proof`: a proof has the hits of the search; a false one has its exit code."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import Result

from auditseal_schemas.checkpoint import TreeHead
from auditseal_schemas.completeness_proof import CompletenessProof
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_schemas.trust import Trust
from auditseal_search.completeness_prover import CompletenessProver, prove_segment
from auditseal_search.errors import BrokenIndexError
from auditseal_search.index_log import LogState
from auditseal_search.index_store import DirectoryStore
from auditseal_search.manifest import read_manifest
from auditseal_search.query import parse_query
from auditseal_search.query_terms import terms_of_query
from auditseal_vault.directory import DirectoryVault
from tests.factory import index_example
from tests.factory.keys import keys_of, signing_key
from tests.oracle.absence import check_completeness
from tests.unit.schemas import test_index_fraud as fraud
from tests.unit.search.test_index_signer import KEY, SignedPlace, run
from tests.unit.search.test_search_command import BLOCKS, LOG, small_segments  # noqa: F401  (a fixture)

QUERIES = (
    "outcome = DENIED",
    "category = access",
    "tenant = acorn and outcome = SUCCESS and service = records",
    "actor = u-1842",
    "granted = false",
    'problem = "no value"',
    "resource.type = role and action = role.grant",
    "tenant = acorn and tenant = birch",
)


class ProvingPlace(SignedPlace):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.proof = folder / "hits.proof"

    def prove(self, query: str, *more: str) -> Result:
        return self.run("search", query, "--json", "--limit", "1000", "--prove", "-o", str(self.proof), *more)

    def check(self, *more: str) -> Result:
        return run(["check-proof", "--trust", str(self.trust), str(self.proof), *more])


@pytest.fixture
def place(tmp_path: Path) -> ProvingPlace:
    place = ProvingPlace(tmp_path)
    place.put(BLOCKS)
    place.sign()
    return place


@pytest.fixture
def segments(small_segments: None, tmp_path: Path) -> ProvingPlace:  # noqa: F811  (pytest's way)
    place = ProvingPlace(tmp_path)
    place.put(BLOCKS)
    place.sign()
    return place


@pytest.mark.parametrize("query", QUERIES)
def test_a_proof_has_the_hits_of_the_search(query: str, segments: ProvingPlace) -> None:
    done = segments.prove(query)
    assert done.exit_code == 0, done.output
    hits = sorted(hit["offset"] for hit in json.loads(done.stdout)["hits"])
    found = json.loads(segments.check("--json").stdout)
    assert [log["offsets"] for log in found["logs"]] == [hits]
    assert (found["total"], found["not_covered"]) == (len(hits), [])
    trust = segments.trust.read_text()
    assert check_completeness(segments.proof.read_bytes(), trust)[1] == [(str(LOG), offset) for offset in hits]


def test_the_check_says_what_it_shows_and_what_it_does_not(place: ProvingPlace) -> None:
    assert "prove that there is no hit, up to the heads" in place.prove("actor = u-1842").stderr
    done = place.check()
    assert done.exit_code == 0
    first, *rest = done.stdout.splitlines()
    assert first == (
        "OK: there is no record with actor.id = u-1842, in 1 log up to this head; the index index.example.com signed it"
    )
    assert any("took the terms from the blocks honestly" in line for line in rest)
    place.prove("outcome = DENIED")
    assert place.check().stdout.startswith("OK: these are all ")


def test_a_value_cannot_write_to_the_terminal(place: ProvingPlace) -> None:
    place.prove('actor = "\x1b[2K\u202eevil"')
    shown = place.check().stdout
    assert "\x1b" not in shown
    assert "\u202e" not in shown


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "the filter is empty"),
        ("time > -2h", "time does not give terms"),
        ("actor = a and attributes.k = v", "attributes.k does not give terms"),
        ("resource = role/x", "resource does not give terms"),
        ("actor != a", "compare actor.id with one value by ="),
        ("actor in (a, b)", "compare actor.id with one value by ="),
        ("actor exists", "compare actor.id with one value by ="),
        ("actor = a or ip = b", "leave out or, not"),
        ("not actor = a", "leave out or, not"),
    ],
)
def test_a_filter_that_terms_cannot_show_is_refused_before_the_search(
    query: str, message: str, place: ProvingPlace
) -> None:
    done = place.prove(query)
    assert done.exit_code == 2
    assert message in done.stderr
    assert not place.proof.exists()


def test_a_proof_needs_an_index_and_a_file(place: ProvingPlace) -> None:
    for done in (
        place.run("search", "actor = a", "--prove"),
        place.run("search", "actor = a", "--prove", "-o", str(place.proof), index=False),
    ):
        assert done.exit_code == 2
        assert "--prove needs --index, a signed index, and -o" in done.stderr


def test_an_index_without_a_key_proves_nothing(tmp_path: Path) -> None:
    place = ProvingPlace(tmp_path)
    place.put(BLOCKS)
    place.build()
    done = place.prove("actor = a")
    assert done.exit_code == 2
    assert "is not signed: run `auditseal index build --key`" in done.stderr


def test_a_segment_that_is_not_signed_yet_is_named(segments: ProvingPlace) -> None:
    for path in segments.index.glob(f"v1/{LOG}/000000000002-*.entry.json"):
        path.unlink()
    done = segments.prove("actor = a")
    assert done.exit_code == 2
    assert f"the index has blocks 2 to 3 of {LOG}, and they are not signed" in done.stderr


def test_blocks_above_the_index_are_not_in_the_proof(tmp_path: Path) -> None:
    place = ProvingPlace(tmp_path)
    place.put(BLOCKS[:3])
    place.sign()
    place.put(BLOCKS)
    done = place.prove("outcome = DENIED")
    assert f"  {LOG}: head 3" in done.stderr
    (log,) = json.loads(place.check("--json").stdout)["logs"]
    assert log["checkpoint"]["size"] == 3
    assert log["offsets"] == sorted(h["offset"] for h in json.loads(done.stdout)["hits"] if h["height"] < 3)


def test_a_pinned_log_that_the_index_lacks_is_named(place: ProvingPlace) -> None:
    other = replace(LOG, partition=1)
    (key,) = keys_of(other, signing_key("other"))
    place.trust.write_text(f"{place.trust.read_text()}log {key}\n")
    assert f"not covered: {other}" in place.prove("actor = a").stderr
    assert json.loads(place.check("--json").stdout)["not_covered"] == [str(other)]


@pytest.mark.parametrize("name", ["terms", "parquet", "entry.json"])
def test_damaged_files_make_no_proof(name: str, place: ProvingPlace) -> None:
    (path,) = place.index.rglob(f"*.{name}")
    data = path.read_bytes()
    for content in (b"", data[:-20], None):
        path.unlink() if content is None else path.write_bytes(content)
        done = place.run("search", "actor = u-9001", "--prove", "-o", str(place.proof))
        assert done.exit_code in {1, 2}, done.output
        assert not place.proof.exists()


MUTANTS = {
    "another index": (lambda text: text.replace("index ", "# index "), 15),
    "another key of the index": (
        lambda text: text.replace(str(KEY), str(type(KEY)(KEY.name, signing_key("x").public))),
        20,
    ),
    "another log": (lambda text: text.replace("log search.", "log seerch."), 2),
}


@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_trust_file_that_pins_something_else_refuses(mutant: str, place: ProvingPlace) -> None:
    place.prove("actor = u-1842")
    change, code = MUTANTS[mutant]
    text = place.trust.read_text()
    assert change(text) != text
    place.trust.write_text(change(text))
    assert place.check().exit_code == code


def test_a_slice_of_all_changes_of_a_proof_is_refused(place: ProvingPlace) -> None:
    place.prove("actor = u-1842")
    data = place.proof.read_bytes()
    for position in range(3, len(data), 61):
        place.proof.write_bytes(data[:position] + bytes([data[position] ^ 8]) + data[position + 1 :])
        assert place.check().exit_code >= 10
        place.proof.write_bytes(data[:position])
        assert place.check().exit_code >= 10


def test_a_proof_of_fraud_has_an_exit_code_of_its_own(tmp_path: Path) -> None:
    trust, proof = tmp_path / "trust.txt", tmp_path / "x.proof"
    lines = [f"log {key}" for log in fraud.TRUST.logs for key in log.keys] + [f"index {fraud.INDEX_KEY}"]
    trust.write_text("\n".join(lines))
    proof.write_bytes(fraud.OMITTED.format())
    done = run(["check-proof", "--trust", str(trust), str(proof)])
    assert done.exit_code == 5
    assert done.stdout.splitlines()[0] == (
        f"FRAUD: the index index.example.com signed something false of offset 5 of {fraud.LOG}:"
        " the record has the term, and the index omits it"
    )
    shown = json.loads(run(["check-proof", "--json", "--trust", str(trust), str(proof)]).stdout)
    assert (shown["kind"], shown["height"], shown["record"]["offset"]) == ("fraud", 1, 5)
    added = fraud.INDEX.fraud(1, fraud.NOBODY, fraud.BLOCKS[2], 1, fraud.BLOCKS)
    proof.write_bytes(added.format())
    assert (
        "the index has the record, which lacks the term"
        in run(["check-proof", "--trust", str(trust), str(proof)]).stdout
    )
    honest = fraud.INDEX.fraud(1, fraud.U1, fraud.BLOCKS[2], 1, fraud.BLOCKS)
    proof.write_bytes(replace(honest, term=fraud.U1).format())
    assert run(["check-proof", "--trust", str(trust), str(proof)]).exit_code == 17


def test_the_example_of_the_page_is_checked_by_the_command(tmp_path: Path) -> None:
    trust, proof = tmp_path / "trust.txt", tmp_path / "x.proof"
    trust.write_text(index_example.TRUST)
    proof.write_bytes(index_example.completeness().format())
    done = run(["check-proof", "--trust", str(trust), str(proof)])
    assert done.stdout.startswith("OK: these are all 2 records with problem = undecodable, in 1 log up to this head")


def test_the_prover_is_a_library(place: ProvingPlace) -> None:
    trust = Trust.parse(place.trust.read_bytes())
    terms = terms_of_query(parse_query("outcome = DENIED and tenant = acorn", datetime.now(UTC)))
    prover = CompletenessProver(DirectoryStore(place.index), DirectoryVault(place.vault), trust)
    proof = prover.prove(terms)
    assert CompletenessProof.parse(proof.format()) == proof
    offsets: Sequence[int] = proof.check(trust).logs[0].offsets
    assert list(offsets) == sorted(offsets)
    assert offsets


@pytest.fixture
def growing(small_segments: None, tmp_path: Path) -> ProvingPlace:  # noqa: F811  (pytest's way)
    """A signed index that lacks two blocks. Its last segment is not full, so the next build replaces its files."""
    place = ProvingPlace(tmp_path)
    place.put(BLOCKS[:3])
    assert place.sign().exit_code == 0
    place.put(BLOCKS)
    return place


def prove_while(place: ProvingPlace, monkeypatch: pytest.MonkeyPatch, build: Callable[[], Result], name: str) -> Result:
    """Search with a proof; before the proof reads the first file of a kind, a build replaces it."""
    builds, plain = [build], DirectoryStore.read

    def read(self: DirectoryStore, read_name: str) -> bytes | None:
        if builds and read_name.endswith(name):
            done = builds.pop()()
            assert done.exit_code == 0, done.output
        return plain(self, read_name)

    monkeypatch.setattr(DirectoryStore, "read", read)
    return place.prove("outcome = DENIED")


@pytest.mark.parametrize("name", [".entry.json", ".parquet", ".terms"])
def test_a_proof_is_made_again_where_a_build_replaced_files(
    name: str, growing: ProvingPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = prove_while(growing, monkeypatch, growing.sign, name)
    assert done.exit_code == 0, done.output
    assert f"  {LOG}: head {len(BLOCKS)}" in done.stderr.splitlines()
    assert growing.check().exit_code == 0


def test_segments_that_a_build_replaced_and_did_not_sign_are_named(
    growing: ProvingPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = prove_while(growing, monkeypatch, growing.build, ".entry.json")
    assert done.exit_code == 2
    assert "and they are not signed: run `auditseal index build --key`" in done.stderr


def test_an_entry_that_was_signed_after_the_state_was_read_is_not_a_crash(place: ProvingPlace) -> None:
    trust, store = Trust.parse(place.trust.read_bytes()), DirectoryStore(place.index)
    (segment,) = read_manifest(store, trust.logs[0]).segments
    before = LogState(TreeHead(KEY.name, 0, EMPTY_ROOT), None)
    with pytest.raises(BrokenIndexError, match="beyond its checkpoint of 0"):
        prove_segment(store, place.log, before, LOG, segment, ())
