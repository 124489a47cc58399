"""`auditseal prove --event-id`: the one event is proven, and every other answer says why there is no proof."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from auditseal.cli import app
from auditseal_schemas.event_codec import decode_event
from auditseal_schemas.event_proof import check_record_proof
from auditseal_schemas.tlog_proof import TlogProof
from auditseal_schemas.trust import Trust
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES, Place, seal_values

VALUE = VALUES[160]
assert VALUE is not None
EVENT_ID = decode_event(VALUE).event_id


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.put(BLOCKS)
    assert place.build().exit_code == 0
    return place


def prove(place: Place, *words: str, index: bool = True) -> Result:
    return place.run("prove", *words, "-o", str(place.vault.with_name("x.tlog-proof")), index=index)


@pytest.mark.parametrize("index", [True, False])
@pytest.mark.parametrize("spelling", [EVENT_ID, EVENT_ID.upper()])
def test_an_event_is_proven_by_its_id(place: Place, index: bool, spelling: str) -> None:
    done = prove(place, "--event-id", spelling, index=index)
    assert done.exit_code == 0, done.output
    proof = TlogProof.parse(place.vault.with_name("x.tlog-proof").read_bytes())
    proven = check_record_proof(proof, Trust.parse(place.trust.read_bytes()))
    assert (proven.record.offset, proven.record.value) == (160, VALUE)


def test_an_id_that_nothing_has_is_answered_with_what_was_covered(place: Place) -> None:
    done = prove(place, "--event-id", "0191e3a0-7b6c-7def-8123-456789abcdef")
    assert done.exit_code == 1
    lines = done.stderr.splitlines()
    assert lines[0].endswith("no record in the pinned logs has the event id 0191e3a0-7b6c-7def-8123-456789abcdef")
    assert "complete: these are all matches in 1 log up to these heads" in lines[1]
    assert f"{LOG}: head 5 " in lines[2]
    assert not place.vault.with_name("x.tlog-proof").exists()


def test_a_search_that_was_partial_says_so_and_still_proves_what_it_found(place: Place) -> None:
    place.index.rename(place.index.with_name("gone"))
    path = place.vault / LOG.block_key(3)
    path.write_bytes(path.read_bytes()[:-40] + bytes(40))
    lost = prove(place, "--event-id", "0191e3a0-7b6c-7def-8123-456789abcdef", index=False)
    assert lost.exit_code == 10
    assert "no record where the search could look has" in lost.stderr
    assert "not covered: heights 3 to 4" in lost.stderr
    first = VALUES[0]
    assert first is not None
    found = prove(place, "--event-id", decode_event(first).event_id, index=False)
    assert found.exit_code == 0
    assert "PARTIAL: a match may be missing" in found.stderr


def test_an_id_that_two_records_have_is_answered_with_both(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.put(seal_values([*VALUES[:3], VALUES[1]], (2, 2)))
    again = VALUES[1]
    assert again is not None
    done = prove(place, "--event-id", decode_event(again).event_id, index=False)
    assert done.exit_code == 1
    lines = [line.removeprefix("auditseal prove: ") for line in done.stderr.splitlines()]
    assert lines[0].startswith("2 records have the event id ")
    assert lines[1:] == [f"  {LOG} --offset 1", f"  {LOG} --offset 3"]


def test_an_index_that_names_another_record_proves_nothing(place: Place) -> None:
    (path,) = place.index.rglob("*.parquet")
    table = pq.read_table(path)
    ids = table["event_id"].to_pylist()
    ids[160], ids[161] = ids[161], ids[160]
    changed = table.set_column(table.schema.get_field_index("event_id"), "event_id", pa.array(ids, pa.string()))
    pq.write_table(changed, path)
    done = prove(place, "--event-id", EVENT_ID)
    assert done.exit_code == 1
    assert "has another event id than the index says: check the index with auditseal index verify" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--event-id", "17"], "'17' is not a UUID"),
        ([str(LOG), "--event-id", EVENT_ID], "--event-id is looked for in all"),
        (["--offset", "17"], "name the log"),
        ([str(LOG)], "give one of"),
        ([str(LOG), "--offset", "1", "--event-id", EVENT_ID], "give one of"),
    ],
)
def test_wrong_usage_is_code_2(place: Place, words: list[str], message: str) -> None:
    done = prove(place, *words)
    assert done.exit_code == 2
    assert message in done.stderr


def test_the_extra_search_is_named_where_it_is_missing(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "auditseal.cli.event_lookup", None)
    done = CliRunner().invoke(app, ["prove", "--trust", str(place.trust), "--event-id", EVENT_ID])
    assert done.exit_code == 2
    assert "pip install 'auditseal[search]'" in done.stderr
