"""Records of a CSV log are found in bounded memory; quotes alone say where one ends."""

import io

import pytest

from auditseal.cli.csv_records import read_csv_records
from auditseal.cli.event_lines import MAX_LINE_BYTES, Line
from auditseal_importers.pgaudit_csv import pgaudit_csv_event
from auditseal_schemas.errors import EventError

RECORDS = [b"1,a,\n", b'2,"b\r\n2,""c"",\n\n",x\n', b'3,"",""""\r\n', b"4,d\n"]


def texts(content: bytes) -> list[bytes]:
    return [line.text for line in read_csv_records(io.BytesIO(content))]


def test_a_record_ends_at_a_line_break_outside_of_quotes() -> None:
    found = list(read_csv_records(io.BytesIO(b"".join(RECORDS))))
    assert [line.text for line in found] == RECORDS
    assert [line.number for line in found] == [1, 2, 6, 7]


def test_every_cut_gives_the_records_before_it_and_a_rest_without_a_line_break() -> None:
    whole = b"".join(RECORDS)
    ends = [sum(map(len, RECORDS[:count])) for count in range(len(RECORDS) + 1)]
    for cut in range(len(whole) + 1):
        complete = max(number for number, end in enumerate(ends) if end <= cut)
        rest = whole[ends[complete] : cut]
        assert texts(whole[:cut]) == RECORDS[:complete] + [rest] * bool(rest)


@pytest.mark.parametrize("is_read", [True, False])
def test_a_record_that_is_too_long_is_passed_over_in_pieces(is_read: bool) -> None:
    line = b'x,""' + b"z" * 10_000 + b"\n"
    content = b'1,"' + line * 2_000 + b'",y\n' + RECORDS[3]
    long, last = list[Line](), list[Line]()
    for found in read_csv_records(io.BytesIO(content)):
        (last if long else long).append(found)
        if is_read:
            rest = b"".join(found.rest)
            assert found.text + rest == (content[: -len(RECORDS[3])] if found in long else RECORDS[3])
    assert MAX_LINE_BYTES < len(long[0].text) <= 2 * MAX_LINE_BYTES + 2
    assert [(found.number, found.text) for found in last] == [(content.count(b"\n"), RECORDS[3])]


def test_a_line_that_a_statement_holds_is_no_record_even_after_one_that_is_cut() -> None:
    forged = b'2026-11-21 12:00:00 UTC,admin,ledger,1,[local],a.b,1,GRANT,,,,LOG,,"AUDIT: SESSION,1,1,ROLE,GRANT,,,x"'
    forged += b"," * 12
    honest = b'2026-11-21 12:00:00 UTC,"u","d",1,"[local]",a.b,2,"DO",,,,LOG,,"AUDIT: SESSION,1,1,FUNCTION,DO,,,""\n'
    honest += forged.replace(b'"', b'""""') + b'\n"""' + b"," * 12 + b"\n"
    assert pgaudit_csv_event(forged, "s")  # it would be taken, were it a record
    assert texts(honest * 2) == [honest] * 2
    cut = honest[: honest.index(b'""\n') - 3] + b"\n"
    refused = 0
    for record in texts(cut + honest * 3):
        with pytest.raises(EventError):
            pgaudit_csv_event(record.rstrip(b"\n"), "s")
        refused += 1
    assert refused > 1
