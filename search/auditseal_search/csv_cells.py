"""Cells of CSV that no spreadsheet takes for a formula."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def safe_cell(text: str) -> str:
    """Return a cell's text, with an apostrophe before what a spreadsheet would compute (OWASP, CSV Injection)."""
    return f"'{text}" if text.startswith(_FORMULA) else text
