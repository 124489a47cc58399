"""Two texts: the words that both have, the words that are gone, and the new ones."""

from hypothesis import given
from hypothesis import strategies as st

from auditseal_explorer.text_diff import MOST_WORDS, Side, diff, whole


def test_words_that_stay_are_shared() -> None:
    assert diff("role viewer of acorn", "role owner of acorn") == [
        (Side.BOTH, "role "),
        (Side.BEFORE, "viewer"),
        (Side.AFTER, "owner"),
        (Side.BOTH, " of acorn"),
    ]


def test_long_texts_are_not_compared() -> None:
    before, after = "a-" * MOST_WORDS, "b+" * MOST_WORDS
    assert diff(before, after) == whole(before, after) == [(Side.BEFORE, before), (Side.AFTER, after)]


def test_a_word_of_a_long_text_is_found() -> None:
    begin, end = "one two " * MOST_WORDS, " three" * MOST_WORDS
    assert diff(f"{begin}old{end}", f"{begin}new{end}") == [
        (Side.BOTH, begin),
        (Side.BEFORE, "old"),
        (Side.AFTER, "new"),
        (Side.BOTH, end),
    ]


@given(st.text(), st.text())
def test_both_texts_can_be_read_from_the_pieces(before: str, after: str) -> None:
    pieces = diff(before, after)
    assert "".join(text for side, text in pieces if side is not Side.AFTER) == before
    assert "".join(text for side, text in pieces if side is not Side.BEFORE) == after
