"""Cells of CSV that no spreadsheet takes for a formula."""

# Signs of full width are taken for formulas, too, where a spreadsheet's language is one that writes them.
FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With these a text begins that a spreadsheet computes."""


def safe_cell(text: str) -> str:
    """Return a cell's text, with an apostrophe before what a spreadsheet would compute (OWASP, CSV Injection)."""
    return f"'{text}" if text.startswith(FORMULA) else text
