"""`auditseal spool`: what a spool holds is shown, published or copied, also from a damaged one."""

import json
import os
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_producer import AuditProducer
from auditseal_producer.encoded_file import read_encoded
from auditseal_producer.spool_file import SpoolFile
from auditseal_schemas.event_codec import decode_event
from tests.factory.spools import FIELDS, change_database, spool_config


def run(*arguments: object):
    return CliRunner().invoke(app, ["spool", *map(str, arguments)])


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    """A spool that a producer left with five events."""
    path = tmp_path / "a.spool"
    with AuditProducer(spool_config(path, broker=False)) as producer:
        for _ in range(5):
            producer.record(**FIELDS)
    return path


def test_status_shows_what_waits(spool: Path) -> None:
    with closing(SpoolFile(spool)) as file:
        first, size, stream = file.read(0, 1)[0].event, file.bytes, file.stream.id
    occurred = decode_event(first.encoded).occurred_at.isoformat()
    shown = run("status", spool)
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[:4] == [
        f"events    5 of {size} bytes wait for the brokers",
        f"oldest    {occurred}",
        f"stream    {stream}, 5 events accepted so far",
        "used by   no process",
    ]
    found = json.loads(run("status", spool, "--json").stdout)
    assert found == {
        "events": 5,
        "bytes": size,
        "oldest": occurred,
        "stream_id": stream,
        "accepted": 5,
        "holder": None,
        "file_bytes": spool.stat().st_size,
    }


def test_status_looks_at_a_spool_in_use_and_harms_nothing(spool: Path) -> None:
    with AuditProducer(spool_config(spool, broker=False)) as producer:
        producer.record(**FIELDS)
        found = json.loads(run("status", spool, "--json").stdout)
        assert (found["events"], found["holder"]) == (6, os.getpid())
        assert producer.record(**FIELDS).stream.sequence == 6


def test_status_of_an_empty_spool(tmp_path: Path) -> None:
    SpoolFile(tmp_path / "a.spool").close()
    assert run("status", tmp_path / "a.spool").stdout.splitlines()[1] == "oldest    none"


def test_status_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("precious\n" * 1000)
    shown = run("status", tmp_path / "notes")
    assert shown.exit_code == 1
    assert shown.stderr.startswith(f"auditseal spool: spool {tmp_path / 'notes'}: it is damaged, or not a spool:")
    assert run("status", tmp_path / "absent").exit_code == 2


def test_export_copies_all_events_for_emit_and_leaves_the_spool(spool: Path, tmp_path: Path) -> None:
    done = run("export", spool, tmp_path / "events")
    assert (done.exit_code, done.stdout) == (0, f"5 events copied to {tmp_path / 'events'}, 0 damaged\n")
    with closing(SpoolFile(spool)) as file:
        left = [each.event.encoded for each in file.read(0, 10)]
    pieces = list(read_encoded((tmp_path / "events").read_bytes()))
    assert [(piece.content, piece.problem) for piece in pieces] == [(encoded, "") for encoded in left]
    again = run("export", spool, tmp_path / "events")
    assert (again.exit_code, "File exists" in again.stderr) == (1, True)


def test_export_of_a_damaged_spool_copies_the_rest_and_names_the_damage(spool: Path, tmp_path: Path) -> None:
    change_database(spool, "UPDATE event SET encoded = ? WHERE position IN (2, 4)", b"rot")
    done = run("export", spool, tmp_path / "events", "--json")
    assert done.exit_code == 3
    assert json.loads(done.stdout) == {"copied": 3, "damaged": [2, 4]}
    assert f"auditseal spool: position 2: spool {spool}: the event at position 2 is damaged" in done.stderr
    events = [decode_event(piece.content) for piece in read_encoded((tmp_path / "events").read_bytes())]
    assert [event.stream.sequence for event in events] == [0, 2, 4]


def test_export_reads_around_a_damaged_page(tmp_path: Path) -> None:
    path = tmp_path / "a.spool"
    with AuditProducer(spool_config(path, broker=False)) as producer:
        for _ in range(60):
            producer.record(**FIELDS)
    data = bytearray(path.read_bytes())
    page = data.index(b"u-1") // 4096
    data[page * 4096 : page * 4096 + 64] = bytes(64)
    path.write_bytes(data)
    done = run("export", path, tmp_path / "events", "--json")
    found = json.loads(done.stdout)
    assert done.exit_code == 3
    assert 0 < found["copied"] < 60
    assert found["copied"] + len(found["damaged"]) == 60


def test_drain_needs_the_spool_for_itself(spool: Path) -> None:
    with AuditProducer(spool_config(spool, broker=False)):
        done = run("drain", spool, "--bootstrap-servers", "127.0.0.1:9")
    assert done.exit_code == 1
    assert "a.spool.lock is held by another producer of this process" in done.stderr


def test_drain_without_a_broker_leaves_all_events_there(spool: Path) -> None:
    done = run("drain", spool, "--bootstrap-servers", "127.0.0.1:9", "--timeout", "0.2")
    assert done.exit_code == 1
    assert "5 events still wait for an acknowledgement" in done.stderr
    with closing(SpoolFile(spool)) as file:
        assert file.events == 5


def test_drain_refuses_a_wrong_configuration(spool: Path) -> None:
    done = run("drain", spool, "--bootstrap-servers", "kafka.example.com:9092")
    assert done.exit_code == 2
