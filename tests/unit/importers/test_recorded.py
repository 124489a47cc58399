"""Output of real programs, recorded on Debian 12: PostgreSQL 15 with pgAudit 1.7, rsyslog 8.2302, journalctl 252.

PostgreSQL ran statements over several lines, with quotes, parameters, prepared statements, COPY, and one that forges an
audit line. rsyslog got messages over TCP, with and without octet counts, some of them broken. The journal had fields
that are binary, or have several values.
"""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from auditseal.cli.csv_records import read_csv_records
from auditseal.cli.event_lines import read_lines
from auditseal_importers.content_digest import content_digest
from auditseal_importers.excerpt import EXCERPT_BYTES, excerpt
from auditseal_importers.formats import IMPORTERS, RecordFormat
from auditseal_importers.original import original_bytes
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_parts import Resource, Source, Stream

DATA = Path(__file__).parents[2] / "data" / "importers"


def read(kind: RecordFormat, name: str) -> tuple[list[AuditEvent], list[str]]:
    """Return the events of a file, each of which can be encoded and has its record's bytes, and the refusals."""
    events, refused = list[AuditEvent](), list[str]()
    with (DATA / name).open("rb") as file:
        read_records = read_csv_records if kind is RecordFormat.PGAUDIT_CSV else read_lines
        records = [line.text.removesuffix(b"\n") for line in read_records(file)]
    for record in records:
        try:
            fields = IMPORTERS[kind](record, "source")
        except EventError as error:
            refused.append(str(error))
            continue
        if fields is not None:
            events.append(AuditEvent(source=Source(service="s", environment="e"), stream=Stream("s", 0), **fields))
            assert encode_event(events[-1])
            assert original_bytes(events[-1].attributes) == record
    assert len({event.event_id for event in events}) == len(events)
    return events, refused


def texts(events: list[AuditEvent]) -> list[str]:
    return [event.reason.text or "" for event in events if event.reason]


def test_postgresql() -> None:
    events, refused = read(RecordFormat.PGAUDIT, "postgresql-15.log")
    assert (len(events), refused) == (40, [refused[0]])
    assert refused[0].startswith("context: is there: a statement wrote this line, not pgAudit")
    assert not any("forged" in resource.id for event in events for resource in event.resources)
    assert 'drop table if exists account; create table account(id int, name text, "odd ""name\n," text)' in texts(
        events
    )
    assert 'select *\n from account\r\n where name = $q$a "b", c$q$' in texts(events)
    (grant,) = [event for event in events if event.action == "GRANT"]
    assert grant.resources == (Resource("database", "postgres"),)
    assert Counter(event.action for event in events)["EXECUTE"] == 3
    assert events[-1].actor.id == "we\nird"


def test_both_logs_of_one_run_of_postgresql_are_the_same_events() -> None:
    from_json, refused_of_json = read(RecordFormat.PGAUDIT, "postgresql-15-both.json")
    from_csv, refused = read(RecordFormat.PGAUDIT_CSV, "postgresql-15-both.csv")
    assert len(from_csv) == 17
    assert [replace(event, attributes={}) for event in from_csv] == [
        replace(event, attributes={}) for event in from_json
    ]
    assert refused == refused_of_json
    assert refused[0].startswith("context: is there: a statement wrote this line, not pgAudit")
    assert {event.actor.ip for event in from_csv} == {"[local]", "127.0.0.1"}
    assert any('"GRANT",2026-11-29' in text for text in texts(from_csv))  # a line that was forged within a statement


def test_rsyslog() -> None:
    events, refused = read(RecordFormat.SYSLOG, "rsyslog-8.log")
    assert "BOM Zoë" in texts(events)
    assert "line1#012line2#015#012#011tab" in texts(events)  # rsyslog escapes line breaks
    assert any(event.actor.id == "a" * 60 for event in events)  # it does not keep RFC 5424's limit of 48
    assert [reason.partition(":")[0] for reason in refused] == ["timestamp"] * 3 + ["structured data"]


def test_journalctl() -> None:
    events, refused = read(RecordFormat.JOURNALD, "journalctl-252.json")
    assert refused == []
    assert {"multi\nline\n", "bin\0\\xff\x01", "bin\\xff\x01", "first", "many"} <= set(texts(events))


@pytest.mark.parametrize("null", ["MESSAGE", "COREDUMP"])
def test_an_entry_of_which_journalctl_left_something_out_is_refused(null: str) -> None:
    entry = json.loads((DATA / "journald.json").read_bytes().splitlines()[0])
    with pytest.raises(EventError, match=f"{null}: is left out by journalctl.*--all"):
        IMPORTERS[RecordFormat.JOURNALD](json.dumps({**entry, null: None}).encode(), "source")


def test_the_order_of_members_makes_no_other_record() -> None:
    record = (DATA / "journald.json").read_bytes().splitlines()[0]
    entry = json.loads(record)
    turned = json.dumps(dict(reversed(entry.items()))).encode()
    assert content_digest(RecordFormat.JOURNALD, turned) == content_digest(RecordFormat.JOURNALD, record)
    other = json.dumps({**entry, "_PID": "0"}).encode()
    assert content_digest(RecordFormat.JOURNALD, other) != content_digest(RecordFormat.JOURNALD, record)


@pytest.mark.parametrize("size", [300_000, 700_000])
@pytest.mark.parametrize("text", ['x"', "Zoë"])
def test_a_statement_larger_than_a_field_is_an_event_with_its_beginning(size: int, text: str) -> None:
    statement = (text * size)[: size // len(text[:1].encode()) // 2]
    line = json.loads((DATA / "pgaudit.log").read_bytes().splitlines()[0])
    quoted = statement.replace('"', '""')
    line["message"] = f'AUDIT: SESSION,1,1,READ,SELECT,,,"{quoted}",<none>'
    record = json.dumps(line, ensure_ascii=False).encode()
    fields = IMPORTERS[RecordFormat.PGAUDIT](record, "source")
    assert fields is not None
    event = AuditEvent(source=Source(service="s", environment="e"), stream=Stream("s", 0), **fields)
    assert event.reason == type(event.reason)(text=excerpt(statement))
    assert original_bytes(event.attributes) == record
    assert len(encode_event(event)) < 1_000_000


def test_an_excerpt_ends_at_a_character() -> None:
    assert excerpt("ab") == "ab"
    for start in ("", "a", "ab", "abc"):
        cut = excerpt(start + "\U0001f600" * EXCERPT_BYTES)
        assert EXCERPT_BYTES - 6 < len(cut.encode()) <= EXCERPT_BYTES
        assert cut.rstrip("\U0001f600…") == start


def test_lines_of_another_log_of_postgresql_say_which_one_to_import() -> None:
    for line in (b"2026-11-29 08:24:15.551 UTC [1] 6b0be12f.6740 1 LOG:  AUDIT: SESSION,1,1,DDL,X,,,x", b'2026,"a",'):
        with pytest.raises(EventError, match="set log_destination = 'jsonlog'"):
            IMPORTERS[RecordFormat.PGAUDIT](line, "source")


def test_bytes_and_the_text_that_stands_for_them_are_two_messages() -> None:
    head = b"<34>1 2026-11-21T12:00:09Z host su - ID49 - "
    ids = {IMPORTERS[RecordFormat.SYSLOG](head + end, "s")["event_id"] for end in (b"\xff", rb"\xff")}  # type: ignore[index]
    assert len(ids) == 2
