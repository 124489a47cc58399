"""The glossary defines each term once, in the order of the alphabet, and has the terms that every page uses."""

import re
from pathlib import Path

PAGE = (Path(__file__).parents[3] / "docs" / "glossary.md").read_text("utf-8")
TERMS = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
NEEDED = (
    "anchor block checkpoint drill event evidence finding fork frontier gap genesis halt head header height leaf link"
    " locator lock log origin partition predecessor receipt record retention run runbook stream vault verdict"
)


def test_terms_are_in_order_and_each_is_there_once() -> None:
    assert sorted(TERMS, key=str.lower) == TERMS
    assert len(set(TERMS)) == len(TERMS)


def test_the_terms_of_every_page_are_there() -> None:
    assert [term for term in NEEDED.split() if term not in TERMS] == []


def test_each_term_has_a_definition() -> None:
    definitions = re.split(r"^## .+$", PAGE, flags=re.MULTILINE)[1:]
    assert len(definitions) == len(TERMS)
    assert all(len(definition.split()) > 5 for definition in definitions)
