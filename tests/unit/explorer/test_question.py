"""Questions as addresses: what is written is read again, and a narrowed filter means both of its parts."""

from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditseal_explorer.question import Question, about, quote_value
from auditseal_schemas.origin import Origin
from auditseal_search.hit_order import Cursor
from auditseal_search.query import All, Comparison, parse_query

NOW = datetime(2026, 11, 28, tzinfo=UTC)
LOG = Origin("a.example", "audit.events", 3, 0)
QUESTIONS = [
    Question(),
    Question("actor = u-1 and action ~ user.*"),
    Question("x", ((LOG, 0), (Origin("b", "t", 0, 1), 10**12))),
    Question("tenant = é", ((LOG, 5),), Cursor(-1, str(LOG), 7, 8), oldest_first=True),
]


@pytest.mark.parametrize("question", QUESTIONS)
def test_an_address_is_read_again(question: Question) -> None:
    address = question.address("/search")
    assert Question.parse(parse_qsl(urlsplit(address).query, strict_parsing=bool(urlsplit(address).query))) == question
    assert question.first_page().after is None


@given(st.text())
def test_any_value_can_be_asked_for(value: str) -> None:
    condition = parse_query(f"actor = {quote_value(value)}", NOW)
    assert isinstance(condition, Comparison)
    assert condition.values == (value,)


def test_a_narrowed_question_asks_for_both() -> None:
    for text in ("outcome = DENIED", "outcome = DENIED or outcome = FAILURE", 'actor = "a or b"'):
        question = Question(text, after=Cursor(1, str(LOG), 2, 3)).narrowed("actor", 'u "1"')
        assert question.after is None
        found = question.condition(NOW)
        assert isinstance(found, All)
        assert found.parts[0] == parse_query(text, NOW)
        assert isinstance(found.parts[1], Comparison)
        assert found.parts[1].values == ('u "1"',)
    assert Question().narrowed("actor", "x").filter == 'actor = "x"'


def test_what_is_not_known_is_not_asked_for() -> None:
    assert about({"actor": "x", "trace": None, "session": ""}) == 'actor = "x"'
