"""Cells of CSV: what OWASP's page on CSV injection names is quoted, and all else stays as it is."""

import pytest

from auditseal_search.csv_cells import safe_cell


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_a_formula_is_quoted(first: str) -> None:
    assert safe_cell(f"{first}1+1") == f"'{first}1+1"


@pytest.mark.parametrize("text", ["", "a=1", "'", " =1", "日本"])
def test_other_text_stays(text: str) -> None:
    assert safe_cell(text) == text
