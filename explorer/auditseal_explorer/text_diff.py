"""What a change changed: the words of two texts that are the same, gone and new."""

import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from enum import StrEnum

_WORDS = re.compile(r"\w+|\W")
MOST_WORDS = 100
"""Words of a text that are compared, without those that both texts begin and end with. Comparing can take the cube."""


class Side(StrEnum):
    """Which of two texts has some words."""

    BOTH = "both"
    BEFORE = "before"
    AFTER = "after"


def diff(before: str, after: str) -> list[tuple[Side, str]]:
    """Return two texts as pieces in their order; those of one side and of both give that side's whole text.

    What both texts begin and end with is always shared. Where more than `MOST_WORDS` words are between, these are not
    compared: they are one piece each.
    """
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    begin = _shared(old, new)
    end = _shared(old[begin:][::-1], new[begin:][::-1])
    middle = _pieces(old[begin : len(old) - end], new[begin : len(new) - end])
    pieces = ((Side.BOTH, "".join(old[:begin])), *middle, (Side.BOTH, "".join(old[len(old) - end :])))
    return [(side, text) for side, text in pieces if text]


def whole(before: str, after: str) -> list[tuple[Side, str]]:
    """Return two texts as pieces as `diff` does, without comparing them."""
    return [(side, text) for side, text in ((Side.BEFORE, before), (Side.AFTER, after)) if text]


def _shared(old: list[str], new: list[str]) -> int:
    """Return how many words both texts begin with."""
    return next(
        (number for number, (one, other) in enumerate(zip(old, new, strict=False)) if one != other),
        min(len(old), len(new)),
    )


def _pieces(old: list[str], new: list[str]) -> Iterator[tuple[Side, str]]:
    if max(len(old), len(new)) > MOST_WORDS:
        yield from whole("".join(old), "".join(new))
        return
    for kind, first, last, start, end in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            yield Side.BOTH, "".join(old[first:last])
        else:
            yield Side.BEFORE, "".join(old[first:last])
            yield Side.AFTER, "".join(new[start:end])
