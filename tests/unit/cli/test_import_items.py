"""Which records `auditseal import` publishes, and under which id, without a broker."""

import json
import sqlite3
from pathlib import Path

from auditseal.cli.import_items import RecordReader
from auditseal.cli.import_state import open_state
from auditseal.cli.interruption import Interruption
from auditseal_importers.formats import IMPORTERS, RecordFormat
from auditseal_importers.original import original_bytes
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.errors import EventError

RECORD = (Path(__file__).parents[2] / "data" / "importers" / "kubernetes.log").read_bytes().splitlines()[0]
LINE = b"<34>1 2026-11-21T12:00:09Z host su - ID49 - "


def run(kind: RecordFormat, state: Path, content: bytes) -> tuple[RecordReader, dict[bytes, str], list[str]]:
    """Import a file; return the reader, the ids of the published records, and the refusals."""
    file, producer, refused = state.with_suffix(".log"), RecordedEvents(), list[str]()
    file.write_bytes(content)
    with open_state(state) as opened:
        reader = RecordReader(kind, "source", opened)
        for item in reader.items([file], Interruption()):
            try:
                item.publish(producer)  # type: ignore[arg-type]
            except EventError as error:
                refused.append(str(error))
    return reader, {original_bytes(event.attributes): event.event_id for event in producer.events}, refused


def counts(reader: RecordReader) -> tuple[int, int]:
    return reader.known, reader.conflicting


def test_no_record_hides_behind_the_id_of_another(tmp_path: Path) -> None:
    """A client of Kubernetes chooses its Audit-ID: two requests of one millisecond may have one."""
    state, record = tmp_path / "state", json.loads(RECORD)
    hidden, third = (json.dumps({**record, "verb": verb}).encode() for verb in ("delete", "patch"))
    turned = json.dumps(dict(reversed(record.items()))).encode()
    reader, published, _ = run(RecordFormat.KUBERNETES, state, b"\n".join([RECORD, hidden, turned, hidden]))
    assert (list(published), counts(reader)) == ([RECORD, hidden], (2, 1))
    own = IMPORTERS[RecordFormat.KUBERNETES](RECORD, "source")
    assert own
    assert published[RECORD] == own["event_id"] != published[hidden]
    assert published[RECORD][:13] == published[hidden][:13]  # both are of their time
    reader, more, _ = run(RecordFormat.KUBERNETES, state, b"\n".join([hidden, third, RECORD]))
    assert (list(more), counts(reader)) == ([third], (2, 1))
    assert more[third] not in published.values()


def test_a_state_file_of_the_first_version_goes_on(tmp_path: Path) -> None:
    state, own = tmp_path / "state", IMPORTERS[RecordFormat.SYSLOG](LINE + b"1", "source")
    assert own
    database = sqlite3.connect(state)
    database.execute("CREATE TABLE imported (id BLOB PRIMARY KEY) WITHOUT ROWID")
    database.execute("INSERT INTO imported VALUES (?)", (bytes.fromhex(own["event_id"].replace("-", "")),))
    database.execute("PRAGMA user_version = 1")
    database.commit()
    database.close()
    for known in (1, 2):
        reader, _, _ = run(RecordFormat.SYSLOG, state, LINE + b"1\n" + LINE + b"2\n")
        assert counts(reader) == (known, 0)


def test_half_a_line_of_syslog_waits_for_its_end(tmp_path: Path) -> None:
    state, line = tmp_path / "state", LINE + b"all of it"
    _, published, refused = run(RecordFormat.SYSLOG, state, LINE + b"1\n" + line[:-4])
    assert (list(published), len(refused)) == ([LINE + b"1"], 1)
    assert "the line has no line break" in refused[0]
    _, published, refused = run(RecordFormat.SYSLOG, state, LINE + b"1\n" + line + b"\n")
    assert (list(published), refused) == ([line], [])
