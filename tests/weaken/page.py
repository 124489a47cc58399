"""The rules of docs/reference/format.md as the page has them: the rows, list items and paragraphs of each section."""

import re
from collections.abc import Iterator
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "reference" / "format.md").read_text("utf-8")
SECTIONS = (1, 2, 4, 5, 6, 7, 8, 11, 12, 13, 14)
"""The sections that a verifier follows. Section 3 is about values, 9 and 10 explain, 15 repeats the limits."""
_HEADING = re.compile(r"^## (\d+)\. .*$", re.MULTILINE)
_CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def section_text(number: int) -> str:
    """Return the words of a section, with single spaces between them."""
    _, *parts = _HEADING.split(PAGE)
    texts = dict(zip(parts[::2], parts[1::2], strict=True))
    return " ".join(texts[str(number)].split())


def units(number: int) -> Iterator[str]:
    """Yield the rows of a section's tables, the items of its lists and its paragraphs, without headings and code."""
    _, *parts = _HEADING.split(PAGE)
    text = _CODE_BLOCK.sub("", dict(zip(parts[::2], parts[1::2], strict=True))[str(number)])
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.strip("\n").split("\n")
        if lines[0].startswith("|"):
            yield from lines[2:]
        elif lines[0].strip() and not lines[0].startswith(("#", "    ")):
            yield from (" ".join(item.split()) for item in re.split(r"\n(?=\* )", block.strip("\n")))
