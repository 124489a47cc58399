"""What a change changed: the words of two texts that are the same, gone and new."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from enum import StrEnum

_WORDS = re.compile(r"\w+|\W")
MOST_WORDS = 1_000
"""Words of a text that are compared; comparing takes their square."""


class Side(StrEnum):
    """Which of two texts has some words."""

    BOTH = "both"
    BEFORE = "before"
    AFTER = "after"


def diff(before: str, after: str) -> list[tuple[Side, str]]:
    """Return two texts as pieces in their order; those of one side and of both give that side's whole text.

    Texts of more than `MOST_WORDS` words are not compared: they are one piece each.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    if max(len(old), len(new)) > MOST_WORDS:
        return [(side, text) for side, text in ((Side.BEFORE, before), (Side.AFTER, after)) if text]
    return [(side, text) for side, text in _pieces(old, new) if text]


def _pieces(old: list[str], new: list[str]) -> Iterator[tuple[Side, str]]:
    for kind, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Side.BOTH, "".join(old[first:last])
        else:
            yield Side.BEFORE, "".join(old[first:last])
            yield Side.AFTER, "".join(new[start:end])
