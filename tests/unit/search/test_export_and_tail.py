"""Exports hold every match, and tails show each new block once."""

import csv
import io
import json
import socket
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from auditseal_search.cef import to_cef
from auditseal_search.export import COLUMNS, Format
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES, Place

EVENTS = [number for number, value in enumerate(VALUES) if number < len(VALUES) - 2 and value]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.put(BLOCKS)
    place.build()
    return place


def exported(place: Place, kind: Format, query: str = "") -> bytes:
    output = place.trust.with_name(f"out.{kind}")
    done = place.run("export", query, "--format", kind.value, "-o", str(output))
    assert done.exit_code == 0, done.output
    assert "complete" in done.output
    return output.read_bytes()


def documents(place: Place, kind: Format, query: str = "") -> list[dict[str, object]]:
    return [json.loads(line) for line in exported(place, kind, query).splitlines()]


def test_json_lines_hold_every_record_with_its_place(place: Place) -> None:
    rows = documents(place, Format.JSONL)
    assert sorted(row["offset"] for row in rows) == list(range(len(VALUES)))  # type: ignore[type-var]
    assert {row["origin"] for row in rows} == {str(LOG)}
    assert {(row["height"], row["index"]) for row in rows} == {
        (block.header.height, index) for block in BLOCKS for index in range(block.header.count)
    }


def test_an_export_has_what_its_filter_matches(place: Place) -> None:
    rows = documents(place, Format.JSONL, "outcome = DENIED")
    assert rows
    assert {row["outcome"] for row in rows} == {"DENIED"}
    assert len(rows) == place.search("outcome = DENIED")["total"]


def test_csv_has_no_cell_that_a_spreadsheet_computes(place: Place) -> None:
    rows = list(csv.DictReader(io.StringIO(exported(place, Format.CSV).decode())))
    assert len(rows) == len(VALUES)
    assert not [cell for row in rows for cell in row.values() if cell[:1] in {"=", "+", "-", "@"}]


def test_parquet_has_the_columns_of_an_index_and_the_log(place: Place) -> None:
    table = pq.read_table(io.BytesIO(exported(place, Format.PARQUET)))
    assert table.num_rows == len(VALUES)
    assert table.column_names[:3] == ["origin", "height", "index"]


# From the class's definition: https://schema.ocsf.io/classes/api_activity, base attributes included.
OCSF_REQUIRED = ("activity_id", "actor", "api", "category_uid", "class_uid", "metadata", "severity_id", "src_endpoint")


def test_ocsf_events_have_what_their_class_requires(place: Place) -> None:
    events = documents(place, Format.OCSF)
    assert len(events) == len(VALUES)
    for event in events:
        assert [name for name in (*OCSF_REQUIRED, "time", "type_uid") if name not in event] == [] or (
            event["unmapped"]["problem"]  # type: ignore[index,call-overload]
            and set(OCSF_REQUIRED) - set(event) <= {"actor"}
        )
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]  # type: ignore[operator]
        assert {"name", "vendor_name"} <= event["metadata"]["product"].keys()  # type: ignore[index]
        assert "operation" in event["api"]  # type: ignore[operator]
        assert event["attestation"]["fingerprint"].keys() == {"algorithm_id", "value"}  # type: ignore[index]
    activities = {event["api"]["operation"]: event["activity_id"] for event in events}  # type: ignore[index]
    assert activities["invoice.delete"] == 4
    assert activities["record.read"] == 2
    assert activities["session.create"] == 1


def test_ecs_and_cloudevents_carry_the_place_too(place: Place) -> None:
    for document in documents(place, Format.ECS):
        assert document["auditseal"]["origin"] == str(LOG)  # type: ignore[index]
        assert document["@timestamp"]
    identities = set()
    for event in documents(place, Format.CLOUDEVENTS):
        assert {"specversion", "id", "source", "type"} <= event.keys()
        identities.add((event["source"], event["id"], event["auditsealheight"], event["auditsealindex"]))
    assert len(identities) == len(VALUES)


def test_cef_lines_cannot_be_forged_from_within() -> None:
    row = dict.fromkeys(COLUMNS)
    line = to_cef(row | {"action": "a|b\nCEF:0|x", "actor_id": "u=1\nact=forged\\", "tenant": "t\r\n"})
    assert "\n" not in line
    assert "\r" not in line
    assert "|a\\|b CEF:0\\|x|" in line
    assert "suid=u\\=1\\nact\\=forged\\\\ " in line


def test_syslog_messages_arrive_framed(place: Place) -> None:
    received = bytearray()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                while piece := connection.recv(1 << 16):
                    received.extend(piece)

        thread = threading.Thread(target=serve)
        thread.start()
        done = place.run("export", "", "--syslog", f"tcp://127.0.0.1:{server.getsockname()[1]}")
        thread.join(60)
    assert done.exit_code == 0, done.output
    rest, messages = bytes(received), []
    while rest:
        length, _, rest = rest.partition(b" ")
        messages.append(rest[: int(length)])
        rest = rest[int(length) :]
    assert len(messages) == len(VALUES)
    assert all(message.startswith(b"<109>1 2026-11-21T") for message in messages)


def test_a_syslog_server_that_is_away_is_a_failure(place: Place) -> None:
    done = place.run("export", "", "--syslog", "tcp://127.0.0.1:1")
    assert done.exit_code == 1
    assert "can't be sent to" in done.output


def test_a_file_that_exists_is_not_overwritten(place: Place) -> None:
    output = place.trust.with_name("out.jsonl")
    output.write_text("mine")
    assert place.run("export", "", "-o", str(output)).exit_code == 2
    assert output.read_text() == "mine"


def test_a_tail_shows_each_new_block_once_and_survives_a_store_that_is_away(tmp_path: Path) -> None:
    from datetime import UTC, datetime
    from functools import partial

    from auditseal_schemas.errors import UnavailableError
    from auditseal_schemas.origin import Origin
    from auditseal_schemas.trust import Trust
    from auditseal_search.log_tail import LogTail
    from auditseal_search.query import parse_query
    from auditseal_search.range_pool import RangePool
    from auditseal_search.tail import new_hits
    from auditseal_vault.open import open_reader

    place = Place(tmp_path)
    place.put(BLOCKS[:1])
    (pinned,) = Trust.parse(place.trust.read_bytes()).logs
    condition, problems, seen = parse_query("", datetime.now(UTC)), list[Origin](), list[int]()

    def on_problem(origin: Origin, _error: UnavailableError) -> None:
        problems.append(origin)

    with RangePool(partial(open_reader, place.vault.as_uri()), 1) as pool:
        tails = [(pinned, LogTail(pool, pinned, None))]
        for block in BLOCKS[1:]:
            seen += [hit["offset"] for hit in new_hits(tails, condition, on_problem)]
            hidden = place.vault.with_name("hidden")
            place.vault.rename(hidden)
            assert list(new_hits(tails, condition, on_problem)) == []
            hidden.rename(place.vault)
            place.put([block])
        seen += [hit["offset"] for hit in new_hits(tails, condition, on_problem)]
    assert seen == list(range(BLOCKS[0].header.count, len(VALUES)))
    assert problems == [LOG] * 4


def test_a_tail_stops_at_a_wrong_block_with_its_verdict(place: Place) -> None:
    path = place.vault / LOG.block_key(3)
    path.write_bytes(path.read_bytes()[:-40] + b"\0" * 40)
    done = place.run("tail", "--json", index=False)
    assert done.exit_code == 10, done.output
    assert EVENTS[0] == 0
