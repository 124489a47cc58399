"""Marks, and who may still write to a log."""

import pytest

from auditseal_schemas.halt import Halt, HaltError
from auditseal_sealer.mark import MOST_RIVALS, Act, Mark, find_rivals


@pytest.mark.parametrize("act", Act)
def test_a_mark_is_read_as_it_was_written(act: Act) -> None:
    mark = Mark(act, "auditseal.audit.events.writer.0a")
    assert Mark.parse(mark.format()) == mark


@pytest.mark.parametrize(
    "key",
    [None, b"", b"key", b"auditseal claim ", b"auditseal steal x", b"auditseal claim x\n", b"auditseal claim \xff"],
)
def test_another_key_is_no_mark(key: bytes | None) -> None:
    assert Mark.parse(key) is None


@pytest.mark.parametrize(
    ("marks", "rivals"),
    [
        ("", ()),
        ("block us", ()),
        ("block a", ("a",)),
        ("claim a", ("a",)),
        ("block a, release a", ()),
        ("block a, claim b", ("a", "b")),
        ("block a, release a, claim b", ("b",)),
        ("block a, release a, claim a", ("a",)),
        ("block a, claim us, claim a", ("a",)),
        ("claim us, release us, claim us", ()),
        ("release a", ()),
    ],
)
def test_rivals_are_the_last_blocks_writer_and_all_that_claimed_since_without_a_release(
    marks: str, rivals: tuple[str, ...]
) -> None:
    read = [Mark(Act(act), writer) for act, writer in (mark.split() for mark in marks.split(", ") if mark)]
    assert find_rivals(read, "us") == rivals


def test_more_claims_than_sealers_can_have_made_are_a_halt() -> None:
    claims = [Mark(Act.CLAIM, f"writer.{number}") for number in range(MOST_RIVALS + 1)]
    assert len(find_rivals(claims[1:], "us")) == MOST_RIVALS
    with pytest.raises(HaltError) as caught:
        find_rivals(claims, "us")
    assert caught.value.halt is Halt.INVALID_BLOCK
