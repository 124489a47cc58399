"""Records of each format: what they become, that their bytes are kept, and what is refused."""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from auditseal.cli.csv_records import read_csv_records
from auditseal.cli.event_lines import read_lines
from auditseal_importers.formats import IMPORTERS, RecordFormat
from auditseal_importers.json_members import array_items
from auditseal_importers.original import original_bytes
from auditseal_schemas.errors import EventError
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_parts import Actor, Category, Outcome, Resource, Source, Stream

DATA = Path(__file__).parents[2] / "data" / "importers"
FILES = {
    RecordFormat.KUBERNETES: "kubernetes.log",
    RecordFormat.PGAUDIT: "pgaudit.log",
    RecordFormat.PGAUDIT_CSV: "pgaudit.csv",
    RecordFormat.JOURNALD: "journald.json",
    RecordFormat.SYSLOG: "syslog.log",
}


def records(kind: RecordFormat) -> list[bytes]:
    if kind is RecordFormat.CLOUDTRAIL:
        text = (DATA / "cloudtrail.json").read_text("utf-8")
        return [record.encode() for record in array_items(text, "Records")]
    read = read_csv_records if kind is RecordFormat.PGAUDIT_CSV else read_lines
    with (DATA / FILES[kind]).open("rb") as file:
        return [line.text.removesuffix(b"\n") for line in read(file)]


def event(kind: RecordFormat, record: bytes, source: str = "source") -> AuditEvent:
    fields = IMPORTERS[kind](record, source)
    assert fields is not None
    return AuditEvent(source=Source(service="s", environment="e"), stream=Stream("s", 0), **fields)


def refusal(kind: RecordFormat, record: bytes) -> str:
    with pytest.raises(EventError) as caught:
        IMPORTERS[kind](record, "source")
    return str(caught.value)


def changed(record: bytes, **fields: Any) -> bytes:
    return json.dumps({**json.loads(record), **fields}).encode()


@pytest.mark.parametrize("kind", RecordFormat)
def test_an_event_has_its_records_bytes_and_the_same_id_each_time(kind: RecordFormat) -> None:
    taken = [record for record in records(kind) if IMPORTERS[kind](record, "source") is not None]
    found = [event(kind, record) for record in taken]
    assert len(found) >= 2
    assert [original_bytes(each.attributes) for each in found] == taken
    assert [event(kind, record).event_id for record in taken] == [each.event_id for each in found]
    assert len({each.event_id for each in found}) == len(found)


@pytest.mark.parametrize("kind", RecordFormat)
def test_what_is_cut_empty_or_something_else_is_refused(kind: RecordFormat) -> None:
    record = records(kind)[0]
    empty = b"[]" if kind is RecordFormat.PGAUDIT else b"{}"  # PostgreSQL's log has lines that aren't pgAudit's
    for wrong in (b"", b"\xff", empty, b"[]", b"[" * 200_000, record[: len(record) // 4], b"x" * 100):
        assert refusal(kind, wrong)


def test_cloudtrail() -> None:
    put, denied, login = (event(RecordFormat.CLOUDTRAIL, record) for record in records(RecordFormat.CLOUDTRAIL))
    assert (put.action, put.outcome, put.category) == ("PutObject", Outcome.SUCCESS, Category.DATA)
    assert put.resources == (
        Resource("AWS::S3::Object", "arn:aws:s3:::invoices/Zoë.pdf"),
        Resource("AWS::S3::Bucket", "arn:aws:s3:::invoices", parent="111122223333"),
    )
    assert put.actor == Actor(
        "AssumedRole",
        "arn:aws:sts::111122223333:assumed-role/deploy/session",
        session_id="ASIAEXAMPLE",
        on_behalf_of="arn:aws:iam::111122223333:role/deploy",
        ip="192.0.2.20",
        user_agent="[aws-cli/2.0]",
    )
    assert (denied.outcome, denied.category, denied.status_code) == (
        Outcome.DENIED,
        Category.PERMISSION,
        "AccessDenied",
    )
    assert denied.resources == (Resource("service", "iam.amazonaws.com", parent="us-east-1"),)
    assert (login.outcome, login.category, login.actor.id) == (Outcome.FAILURE, Category.AUTHENTICATION, "mallory")
    record = records(RecordFormat.CLOUDTRAIL)[0]
    assert event(RecordFormat.CLOUDTRAIL, changed(record, readOnly=True)).category is Category.ACCESS
    assert event(RecordFormat.CLOUDTRAIL, changed(record, errorCode="Throttling")).outcome is Outcome.FAILURE
    for wrong in ({"eventID": None}, {"eventTime": "soon"}, {"resources": {}}, {"resources": [3]}, {"userIdentity": 3}):
        assert refusal(RecordFormat.CLOUDTRAIL, changed(record, **wrong))


def test_pgaudit() -> None:
    lines = records(RecordFormat.PGAUDIT)
    read, grant = event(RecordFormat.PGAUDIT, lines[0]), event(RecordFormat.PGAUDIT, lines[2])
    assert IMPORTERS[RecordFormat.PGAUDIT](lines[1], "source") is None  # another line of the server's log
    assert (read.action, read.category, read.outcome) == ("SELECT", Category.ACCESS, Outcome.UNKNOWN)
    assert read.resources == (Resource("table", "public.account", parent="ledger"),)
    assert (read.actor.id, read.actor.ip) == ("clerk", "192.0.2.30")
    assert read.reason
    assert read.reason.text == 'select *\n from account where name = "Zoë"'
    assert (grant.category, grant.resources[0].id) == (Category.PERMISSION, "ledger")
    assert event(RecordFormat.PGAUDIT, lines[0], "other").event_id != read.event_id
    for wrong in (
        {"timestamp": "2026-11-21 12:00:00.123 CET"},
        {"message": "AUDIT: SESSION,1,1,READ"},
        {"message": 'AUDIT: SESSION,1,1,READ,SELECT,TABLE,a,"cut'},
        {"session_id": None},
    ):
        assert refusal(RecordFormat.PGAUDIT, changed(lines[0], **wrong))


def with_columns(record: bytes, width: int, changed: Mapping[int, str] = MappingProxyType({})) -> bytes:
    """A record of the CSV log with so many columns, some of them changed; they are counted from 1."""
    (columns,) = csv.reader([record.decode()])
    columns = [*columns, "x"][:width]
    for number, text in changed.items():
        columns[number - 1] = text
    written = io.StringIO()
    csv.writer(written, lineterminator="").writerow(columns)
    return written.getvalue().encode()


def test_pgaudit_in_the_csv_log() -> None:
    lines = records(RecordFormat.PGAUDIT_CSV)
    read, grant = event(RecordFormat.PGAUDIT_CSV, lines[0]), event(RecordFormat.PGAUDIT_CSV, lines[2])
    assert IMPORTERS[RecordFormat.PGAUDIT_CSV](lines[1], "source") is None
    for line, own in zip(records(RecordFormat.PGAUDIT), lines, strict=True):
        if IMPORTERS[RecordFormat.PGAUDIT](line, "source") is not None:
            same = event(RecordFormat.PGAUDIT, line)
            assert replace(event(RecordFormat.PGAUDIT_CSV, own), attributes=same.attributes) == same
    assert (read.actor.ip, grant.actor.ip) == ("192.0.2.30", "[local]")
    for width in (23, 24, 26):
        assert event(RecordFormat.PGAUDIT_CSV, with_columns(lines[2], width)).event_id == grant.event_id
    for width in (1, 22, 25, 27):
        assert "columns" in refusal(RecordFormat.PGAUDIT_CSV, with_columns(lines[2], width))
    for number, wrong in {
        1: "2026-11-21 12:00:00.123 CET",
        6: "",
        7: "",
        19: "PL/pgSQL function f()",
        20: "do x",
    }.items():
        assert refusal(RecordFormat.PGAUDIT_CSV, with_columns(lines[2], 26, {number: wrong}))


def test_journald() -> None:
    lines = records(RecordFormat.JOURNALD)
    sudo, app = (event(RecordFormat.JOURNALD, line) for line in lines)
    assert (sudo.action, sudo.category, sudo.actor.id) == ("sudo", Category.AUTHENTICATION, "1001")
    assert sudo.resources == (Resource("unit", "session-7.scope", parent="db-1"),)
    assert sudo.occurred_at.microsecond == 123456
    assert app.reason
    assert (app.reason.text, app.resources[0].id) == ("Zoë\\xff", "db-1")
    for wrong in ({"__CURSOR": None}, {"__REALTIME_TIMESTAMP": "x"}, {"MESSAGE": {"a": 1}}, {"MESSAGE": [1, 300]}):
        assert refusal(RecordFormat.JOURNALD, changed(lines[0], **wrong))


def test_syslog() -> None:
    lines = records(RecordFormat.SYSLOG)
    ssh, firewall, su = (event(RecordFormat.SYSLOG, line) for line in lines)
    assert (ssh.actor.id, ssh.category, ssh.resources[0].id) == ("sshd", Category.AUTHENTICATION, "db-1.example.com")
    assert (firewall.action, firewall.reason and firewall.reason.text) == ("ID47", "BOMless Zoë")
    assert (firewall.occurred_at.hour, su.resources[0].id, su.reason) == (11, "unknown", None)
    for wrong in (
        b"<34>Oct 11 22:14:15 host su: old format",
        b"<192>1 2026-11-21T12:00:00Z h a p i - m",
        b"<34>1 - h a p i - m",
        b"<34>1 2026-11-21T12:00:00 h a p i - m",
        b'<34>1 2026-11-21T12:00:00Z h a p i [x y="cut',
        b"<34>1 2026-11-21T12:00:00Z h a p i -m",
    ):
        assert refusal(RecordFormat.SYSLOG, wrong)
    assert original_bytes(event(RecordFormat.SYSLOG, lines[0] + b" \xff").attributes) == lines[0] + b" \xff"
