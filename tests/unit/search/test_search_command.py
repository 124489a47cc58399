"""`auditseal index` and `auditseal search` as a user runs them, on a vault of the demo's events."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner, Result

from auditseal.cli import app
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_search import row_group, segment_file
from auditseal_search.manifest import Manifest, manifest_name
from tests.factory.daemons import await_metric
from tests.factory.keys import keys_of, signing_key
from tests.factory.messages import Message
from tests.unit.search.test_event_batch import decoded, demo_events

LOG = Origin("search.example.com", "audit.events", 0, 0)
KEY = signing_key("search")
PINNED = PinnedLog(LOG, keys_of(LOG, KEY))
START_MS = int(datetime(2026, 11, 21, tzinfo=UTC).timestamp() * 1000)
VALUES: list[bytes | None] = [*demo_events(400), b"not an event", None]
SIZES = (1, 150, 3, 150, 98)


def seal_values(values: Sequence[bytes | None], sizes: Sequence[int]) -> list[Block]:
    """Blocks of these sizes; the broker stored a record each second."""
    state, blocks, offset = LogState.genesis(LOG, keys_of(LOG, KEY)), [], 0
    for size in sizes:
        draft = BlockDraft(state, BlockLimits())
        records = [
            Message(number, values[number], b"user/x", None, START_MS + 1000 * number)
            for number in range(offset, offset + size)
        ]
        assert draft.extend(records) == size
        now = (START_MS + 1000 * (offset + size)) * 1000
        block = draft.seal(SourceIdentity("cluster", "topic", 1, 0), [KEY], now=now, sealer="test/1")
        blocks.append(block)
        state, offset = LogState.after(block, state.keys), offset + size
    return blocks


BLOCKS = seal_values(VALUES, SIZES)


class Place:
    """A vault, its trust file and an index, and the commands on them."""

    def __init__(self, folder: Path) -> None:
        self.vault, self.index, self.trust = folder / "vault", folder / "index", folder / "trust.txt"
        self.vault.mkdir()
        (key,) = keys_of(LOG, KEY)
        self.trust.write_text(f"log {key}\n")

    def put(self, blocks: Sequence[Block]) -> None:
        for block in blocks:
            path = self.vault / LOG.block_key(block.header.height)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(block.format())

    def run(self, *words: str, index: bool = True) -> Result:
        where = ["--trust", str(self.trust), "--vault", self.vault.as_uri()]
        if index:
            where += ["--index", str(self.index)]
        return self.call(*words, *where)

    @staticmethod
    def call(*words: str) -> Result:
        return CliRunner().invoke(app, [*words])

    def search(self, query: str, *more: str, index: bool = True) -> dict[str, object]:
        done = self.run("search", query, "--json", "--limit", "1000", *more, index=index)
        assert done.exit_code in {0, 4} or done.exit_code >= 10, done.output
        answer: dict[str, object] = json.loads(done.stdout)
        return answer

    def build(self) -> Result:
        return self.run("index", "build", "--jobs", "1", "--json")

    def files(self) -> dict[str, bytes]:
        return {
            path.relative_to(self.index).as_posix(): path.read_bytes()
            for path in sorted(self.index.rglob("*"))
            if path.is_file()
        }


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.put(BLOCKS)
    return place


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditseal_search.manifest.FULL", 150)
    monkeypatch.setattr(segment_file, "FULL", 150)
    monkeypatch.setattr(row_group, "ROW_GROUP", 40)


def rows() -> list[dict[str, object]]:
    return decoded(VALUES).to_pylist()


def test_each_filter_finds_what_a_plain_loop_finds(place: Place) -> None:
    assert place.build().exit_code == 0
    everything = rows()
    for query, holds in {
        "": lambda row: True,
        "outcome = denied": lambda row: row["outcome"] == "DENIED",
        "action ~ invoice.* and not outcome = DENIED": lambda row: (row["action"] or "").startswith("invoice."),
        "resource.type = role or category in (access, deployment)": lambda row: (
            any(one["type"] == "role" for one in row["resources"] or ()) or row["category"] in {"ACCESS", "DEPLOYMENT"}
        ),
        "problem exists": lambda row: row["problem"] is not None,
        "attributes.currency = EUR": lambda row: dict(row["attributes"] or ()).get("currency") == "EUR",
        "granted = false": lambda row: row["granted"] is False,
        "tenant != acorn": lambda row: row["tenant"] != "acorn",
        'actor.name : "USER 1"': lambda row: "user 1" in (row["actor_name"] or "").lower(),
    }.items():
        wanted = {number for number, row in enumerate(everything) if holds(row)}
        for index in (True, False):
            answer = place.search(query, index=index)
            assert {hit["offset"] for hit in answer["hits"]} == wanted, query
            assert answer["total"] == len(wanted)
            assert answer["answer"]["grade"] == "complete"


def test_newest_first_and_pages_miss_and_repeat_nothing(place: Place) -> None:
    place.build()
    seen, more = [], []
    while True:
        done = place.run("search", "", "--json", "--limit", "37", *more)
        answer = json.loads(done.stdout)
        seen += [hit["offset"] for hit in answer["hits"]]
        if answer["next"] is None or not answer["hits"]:
            break
        more = ["--after", answer["next"]]
        if len(answer["hits"]) < 37:
            break
    assert seen == list(reversed(range(len(VALUES))))


def test_blocks_above_the_index_are_read_and_verified(place: Place) -> None:
    for block in BLOCKS[2:]:
        (place.vault / LOG.block_key(block.header.height)).unlink()
    place.build()
    place.put(BLOCKS)
    answer = place.search("")
    assert answer["total"] == len(VALUES)
    (log,) = answer["answer"]["logs"]
    assert (log["indexed"], log["read"], log["size"]) == (2, 3, 5)


def test_a_search_by_time_without_an_index_reads_only_blocks_that_can_match(place: Place) -> None:
    from auditseal_search import row_source

    place_before = row_source.CLOCK_MARGIN_MS
    row_source.CLOCK_MARGIN_MS = 0
    try:
        answer = place.search("time >= 2026-11-21T00:02:40Z and time < 2026-11-21T00:03:20Z", index=False)
    finally:
        row_source.CLOCK_MARGIN_MS = place_before
    assert [hit["offset"] for hit in answer["hits"]] == list(reversed(range(160, 200)))
    (log,) = answer["answer"]["logs"]
    assert log["read"] == 1


def test_a_block_at_fault_makes_the_answer_partial_with_its_verdict(place: Place) -> None:
    path = place.vault / LOG.block_key(3)
    path.write_bytes(path.read_bytes()[:-40] + b"\0" * 40)
    built = place.build()
    assert built.exit_code == 10, built.output
    done = place.run("search", "", "--json", "--limit", "1000")
    assert done.exit_code == 10
    answer = json.loads(done.stdout)
    assert answer["answer"]["grade"] == "PARTIAL"
    (gap,) = answer["answer"]["logs"][0]["not_covered"]
    assert (gap["first"], gap["last"]) == (3, 4)
    assert {hit["height"] for hit in answer["hits"]} == {0, 1, 2}


@pytest.mark.usefixtures("small_segments")
def test_however_often_it_is_interrupted_the_index_is_the_same(place: Place, tmp_path: Path) -> None:
    place.build()
    whole = place.files()
    assert sum(name.endswith(".parquet") for name in whole) == 3
    (tmp_path / "other").mkdir()
    other = Place(tmp_path / "other")
    for block in BLOCKS:
        other.put([block])
        (other.index / "v1" / str(LOG)).mkdir(parents=True, exist_ok=True)
        (other.index / "v1" / str(LOG) / ".new-left-by-a-kill").write_bytes(b"half")
        assert other.build().exit_code == 0
    assert other.files() == whole


def test_row_groups_are_bounded_by_the_bytes_of_their_values(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_group, "GROUP_BYTES", 5_000)
    for block in BLOCKS[1:]:
        (place.vault / LOG.block_key(block.header.height)).unlink()
    place.build()
    place.put(BLOCKS)
    place.build()
    (path,) = place.index.rglob("*.parquet")
    file = pq.ParquetFile(path)
    sizes = [pa.compute.sum(file.read_row_group(n)["value_bytes"]).as_py() for n in range(file.num_row_groups)]
    assert all(5_000 <= size < 10_000 for size in sizes[:-1])
    at_once = place.files()
    shutil.rmtree(place.index)
    place.build()
    assert place.files() == at_once
    assert place.run("index", "verify", "--jobs", "1").exit_code == 0


def test_a_followed_index_keeps_up_and_says_so(place: Place) -> None:
    for block in BLOCKS[2:]:
        (place.vault / LOG.block_key(block.header.height)).unlink()
    command = [sys.executable, "-m", "auditseal", "index", "follow", "--every", "1", "--trust", str(place.trust)]
    command += ["--vault", place.vault.as_uri(), "--index", str(place.index)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            url = json.loads(process.stderr.readline())["telemetry"]
            await_metric(url, f'auditseal_index_blocks{{origin="{LOG}"}} 2.0')
            hidden = place.vault.with_name("hidden")
            place.vault.rename(hidden)
            await_metric(url, 'reason="unavailable"} ')
            hidden.rename(place.vault)
            place.put(BLOCKS)
            await_metric(url, f'auditseal_index_blocks{{origin="{LOG}"}} 5.0')
            process.terminate()
            assert process.wait(60) == 0
        finally:
            process.kill()
    assert place.run("index", "verify", "--jobs", "1").exit_code == 0


def test_an_untouched_index_verifies_and_a_build_adds_nothing(place: Place) -> None:
    place.build()
    before = place.files()
    again = place.build()
    assert again.exit_code == 0, again.output
    assert place.files() == before
    done = place.run("index", "verify", "--jobs", "1")
    assert (done.exit_code, done.output) == (
        0,
        f"the index {place.index.as_uri()} is what the vault's blocks make it\n",
    )


def rewrite(place: Place, change: object, *, honest: bool) -> None:
    """Change the rows of the index; with `honest` False its manifest is made to fit, as a forger would."""
    (path,) = place.index.rglob("*.parquet")
    table = change(pq.read_table(path))  # type: ignore[operator]
    pq.write_table(table, path, row_group_size=row_group.ROW_GROUP)
    if honest:
        return
    from dataclasses import replace
    from hashlib import sha256

    manifest_path = place.index / manifest_name(LOG)
    manifest = Manifest.parse(manifest_path.read_bytes(), PINNED)
    data = path.read_bytes()
    fitted = replace(manifest.segments[0], bytes=len(data), sha256=sha256(data).hexdigest(), rows=len(table))
    manifest_path.write_bytes(Manifest(LOG, (fitted,)).format())


def without_row(number: int) -> object:
    return lambda table: pa.concat_tables([table.slice(0, number), table.slice(number + 1)])


def with_actor(number: int) -> object:
    def change(table: pa.Table) -> pa.Table:
        actors = table["actor_id"].to_pylist()
        actors[number] = "u-nobody"
        return table.set_column(table.schema.get_field_index("actor_id"), "actor_id", pa.array(actors, pa.string()))

    return change


@pytest.mark.parametrize("honest", [True, False])
@pytest.mark.parametrize("change", [without_row(0), without_row(200), without_row(401), with_actor(7)])
def test_a_row_removed_or_changed_is_found(place: Place, change: object, honest: bool) -> None:
    place.build()
    rewrite(place, change, honest=honest)
    done = place.run("index", "verify", "--jobs", "1", "--json")
    assert done.exit_code == 3
    findings = json.loads(done.stdout)["findings"]
    assert findings
    if not honest and change is not None:
        assert "row" in findings[0]["problem"]


@pytest.mark.usefixtures("small_segments")
def test_a_segment_that_was_dropped_is_found(place: Place) -> None:
    place.build()
    path = place.index / manifest_name(LOG)
    manifest = Manifest.parse(path.read_bytes(), PINNED)
    for dropped in range(len(manifest.segments)):
        kept = tuple(one for number, one in enumerate(manifest.segments) if number != dropped)
        path.write_bytes(Manifest(LOG, kept).format())
        assert place.run("index", "verify", "--jobs", "1").exit_code == 3, dropped


def test_a_stale_index_is_found(place: Place) -> None:
    (place.vault / LOG.block_key(4)).unlink()
    place.build()
    place.put(BLOCKS)
    done = place.run("index", "verify", "--jobs", "1")
    assert done.exit_code == 3
    assert "stale" in done.output


def test_an_index_of_another_history_is_refused(place: Place) -> None:
    place.build()
    shutil.rmtree(place.vault)
    place.put(seal_values(VALUES[1:], (100, 100, 100, 50, 51)))
    assert place.run("index", "verify", "--jobs", "1").exit_code == 3
    built = place.build()
    assert built.exit_code == 1
    assert "another history" in built.output
    done = place.run("search", "", "--json")
    assert done.exit_code == 18
    assert json.loads(done.stdout)["answer"]["grade"] == "PARTIAL"


def test_a_mistake_in_a_filter_is_marked(place: Place) -> None:
    done = place.run("search", "outcome = DENIED and actr = x")
    assert done.exit_code == 2
    assert done.output.splitlines()[-1].endswith(" " * (len("outcome = DENIED and ")) + "^")
    assert "did you mean actor" in done.output


def test_counts_and_histogram(place: Place) -> None:
    place.build()
    counts = place.search("problem exists", "--count-by", "problem")
    assert counts["counts"] == [{"value": "no value", "count": 1}, {"value": "undecodable", "count": 1}]
    bars = place.search("", "--per", "minute")["histogram"]
    assert sum(bar["count"] for bar in bars) == len(VALUES)  # type: ignore[union-attr,index]
    assert bars[0] == {"start": "2026-11-21T00:00:00Z", "count": 60}  # type: ignore[index]
