"""What the readers of a log make of blocks without records: at its beginning, in the middle, at its end, and alone."""

import json
from pathlib import Path
from typing import Any, cast

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_schemas.trust import Trust
from tests.factory.exploring import exploring
from tests.factory.keys import keys_of
from tests.oracle.absence import check_completeness
from tests.unit.search.test_completeness import ProvingPlace
from tests.unit.search.test_search_command import KEY, LOG, VALUES, seal_values

BLOCKS = seal_values(VALUES, (0, 1, 0, 150, 0, 0, 3, 150, 98, 0))
SILENT = seal_values((), (0, 0))
TRUST = Trust.parse("".join(f"log {key}\n" for key in keys_of(LOG, KEY)).encode())


@pytest.fixture(params=[(BLOCKS, len(VALUES)), (SILENT, 0)], ids=["between records", "alone"])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[ProvingPlace, int]:
    """Return a vault with a log, its signed index, and the number of the log's records."""
    blocks, records = request.param
    place = ProvingPlace(tmp_path)
    place.put(blocks)
    place.sign()
    return place, records


def test_a_block_without_records_has_the_root_of_the_empty_tree() -> None:
    assert {block.header.events_root for block in SILENT} == {EMPTY_ROOT}
    assert {block.header.last_link for block in SILENT} == {LOG.genesis_link}


def test_index_search_and_export_have_the_records_and_no_others(log: tuple[ProvingPlace, int]) -> None:
    place, records = log
    assert place.run("index", "verify").exit_code == 0
    for index in (True, False):
        answer = place.search("", index=index)
        about = cast("dict[str, Any]", answer["answer"])
        assert (answer["total"], about["grade"]) == (records, "complete")
        exported = place.run("export", index=index)
        assert exported.exit_code == 0, exported.output
        assert len(exported.stdout.splitlines()) == records


def test_absence_is_proven_over_silence(log: tuple[ProvingPlace, int]) -> None:
    place, _ = log
    assert place.prove("actor = nobody").exit_code == 0
    assert json.loads(place.check("--json").stdout)["total"] == 0
    assert check_completeness(place.proof.read_bytes(), place.trust.read_text())[1] == []


def test_every_record_around_silence_is_proven_and_none_in_it(log: tuple[ProvingPlace, int], tmp_path: Path) -> None:
    place, records = log
    trust, vault = ["--trust", str(place.trust)], ["--vault", place.vault.as_uri()]
    for offset in (0, 1, 151, 153, 401) if records else ():
        proof = str(tmp_path / f"{offset}.proof")
        made = CliRunner().invoke(app, ["prove", str(LOG), "--offset", str(offset), "-o", proof, *trust, *vault])
        assert made.exit_code == 0, made.output
        assert CliRunner().invoke(app, ["check-proof", proof, *trust]).exit_code == 0
    refused = CliRunner().invoke(app, ["prove", str(LOG), "--offset", str(records), *trust, *vault])
    assert refused.exit_code == 1
    wanted = "is sealed up to offset 401; 402 is not in the vault" if records else "has no records yet: its 2 blocks"
    assert wanted in refused.output


def test_verify_counts_blocks_and_states_offsets_only_where_there_are_some(log: tuple[ProvingPlace, int]) -> None:
    place, records = log
    done = place.run("verify", index=False)
    assert done.exit_code == 0, done.output
    line = next(line for line in done.stdout.splitlines() if line.startswith("OK search"))
    assert ("10 blocks, 402 records, offsets 0 to 401," if records else "2 blocks, 0 records, head 2") in line


def test_the_explorer_shows_that_nothing_came() -> None:
    silent = exploring(SILENT, TRUST)
    assert "no records yet" in silent.page("/logs").text
    assert "0 events complete" in silent.page().text
    assert "up to offset 401" in exploring(BLOCKS, TRUST).page("/logs").text
