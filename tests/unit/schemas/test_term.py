"""Terms: those of every kind of record, and their keys."""

from dataclasses import replace
from hashlib import sha256

import pytest

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.limits import MAX_CONTENT_BYTES
from auditseal_schemas.record import Oversize, SealedRecord
from auditseal_schemas.term import EXTRACTOR, TERM_FIELDS, Term, terms_of
from tests.factory.events import FULL, LEAST

RECORD = SealedRecord(5, 1, b"key", (), encode_event(FULL), None, b"")


def pairs(record: SealedRecord) -> set[tuple[str, str]]:
    return {(term.field, term.value) for term in terms_of(record)}


def test_an_event_gives_the_terms_of_its_fields() -> None:
    assert pairs(RECORD) == {
        ("event_id", "0191e3a0-7b6c-7def-8123-456789abcdef"),
        ("event_type", "invoice.approved"),
        ("tenant", "acme"),
        ("category", "DATA"),
        ("service", "billing"),
        ("environment", "production"),
        ("region", "eu-1"),
        ("actor.type", "user"),
        ("actor.id", "u-1"),
        ("actor.name", "Zoë"),
        ("session", "s-9"),
        ("on_behalf_of", "u-2"),
        ("ip", "192.0.2.7"),
        ("action", "approve"),
        ("resource.type", "invoice"),
        ("resource.type", "ledger"),
        ("resource.id", "inv-1"),
        ("resource.id", "l-1"),
        ("resource.parent", "folder-3"),
        ("outcome", "DENIED"),
        ("status", "403"),
        ("reason", "limit"),
        ("granted", "false"),
        ("change", "state"),
        ("change", "note"),
        ("trace", "4bf92f3577b34da6a3ce929d0e0e4736"),
        ("correlation", "c-33"),
        ("stream", "0191e3a0-0000-7000-8000-000000000001"),
    }
    assert {name for name, _ in pairs(RECORD)} == set(TERM_FIELDS) - {"problem"}


def test_fields_that_an_event_lacks_give_no_terms() -> None:
    least = pairs(replace(RECORD, value=encode_event(LEAST)))
    assert {name for name, _ in least} == {
        *("event_id", "category", "service", "environment", "actor.type", "actor.id", "action", "outcome", "stream"),
        *("resource.type", "resource.id"),
    }


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"value": None}, {("problem", "no value")}),
        ({"value": b"{}"}, {("problem", "undecodable")}),
        ({"value": None, "headers": None}, {("problem", "unreadable headers")}),
        ({"value": b"{}", "headers": None}, {("problem", "unreadable headers")}),
        (
            {"value": None, "key": None, "headers": None, "oversize": Oversize(1 << 30, bytes(32))},
            {("problem", "oversize")},
        ),
    ],
)
def test_a_record_that_is_not_an_event_gives_its_problem(
    changes: dict[str, object], found: set[tuple[str, str]]
) -> None:
    assert pairs(replace(RECORD, **changes)) == found


def test_an_event_with_unreadable_headers_gives_both() -> None:
    assert pairs(replace(RECORD, headers=None)) == pairs(RECORD) | {("problem", "unreadable headers")}


def test_a_key_is_a_hash_of_its_own_kind() -> None:
    assert Term("actor.id", "Zoë").key == sha256(b"\x02actor.id\x00" + "Zoë".encode()).digest()
    assert Term("actor.id", "a\x00b").key != Term("actor.id", "a").key


@pytest.mark.parametrize(("name", "value"), [("actor", "x"), ("attributes.k", "x"), ("", "x"), ("\x00", "x")])
def test_other_fields_give_no_terms(name: str, value: str) -> None:
    with pytest.raises(MalformedError, match="does not give terms"):
        Term(name, value)


def test_no_value_is_longer_than_a_record() -> None:
    Term("actor.id", "x" * MAX_CONTENT_BYTES)
    with pytest.raises(MalformedError, match="exceeds 8388608"):
        Term("actor.id", "x" * (MAX_CONTENT_BYTES + 1))


def test_the_rules_are_those_of_version_1() -> None:
    """Every signed segment states it (docs/reference/absence.md, sections 1 and 3)."""
    assert EXTRACTOR == 1


def test_terms_have_an_order() -> None:
    assert sorted({Term("tenant", "b"), Term("service", "z"), Term("tenant", "a")}) == [
        Term("service", "z"),
        Term("tenant", "a"),
        Term("tenant", "b"),
    ]
