"""The confirmation before a log ends."""

import pytest

from auditseal.cli.give_up import check_giving_up
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.header import Predecessor


def test_a_terminal_is_asked_for_each_log() -> None:
    heads = [Predecessor(f"a/audit.events/{number}/0", 7, bytes(32), ("k",)) for number in range(2)]
    asked: list[str] = []

    def answer(question: str) -> str:
        asked.append(question)
        return f"a/audit.events/{len(asked) - 1}/0 7"

    check_giving_up(heads, (), answer)
    assert [head.origin in question for head, question in zip(heads, asked, strict=True)] == [True, True]
    with pytest.raises(ConfigurationError, match="has no such"):
        check_giving_up(heads, (), lambda _: "y")
