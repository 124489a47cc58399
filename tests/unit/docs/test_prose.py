"""The words of pages, docstrings and messages are plain: `python -m tests.prose PATH` prints what is to be replaced."""

import re
from pathlib import Path

import pytest

from tests.prose.count import GROUPS, found, rate, texts_of
from tests.prose.texts import Text, docstrings, messages, page_texts
from tests.prose.turns import TURNS

MOST = 1.0  # turns to replace for each 1,000 words


@pytest.mark.parametrize("name", GROUPS)
def test_turns_to_replace_are_rare(name: str) -> None:
    texts = texts_of(GROUPS[name])
    assert any(text.words for text in texts)
    places = [
        f"{text.path.name}:{text.line}: {match[0]!r}: {turn.instead}" for text in texts for turn, match in found(text)
    ]
    assert rate(texts) <= MOST, "\n".join(places)


@pytest.mark.parametrize(
    "text",
    [
        "Whoever administers Kafka can't do it.",
        "What lies at a block's place is none.",
        "the object is no block",
        "of the others there was, as said, no copy, and these are none",
        "The head is told to the archiver.",
        "It tells of a gap.",
        "The key stands in the file.",
        "the rows lie in a folder",
        "It is kept beside the vault, for ever.",
        "A topic wants a line in the file.",
        "anybody's bytes",
        "so too when nothing was sealed",
    ],
)
def test_each_turn_is_found(text: str) -> None:
    assert list(found(Text(Path("page.md"), 1, text)))


@pytest.mark.parametrize(
    "text",
    [
        "The operator of Kafka cannot do it.",
        "There is no longer a block at this height.",
        "There is no way to change it, and there are none left.",
        "The auditor relies on the trust file.",
        "This page explains what a block is and what happens on a fork.",
        "The sealer reports the gap forever.",
    ],
)
def test_plain_sentences_pass(text: str) -> None:
    assert not list(found(Text(Path("page.md"), 1, text)))


def test_code_is_not_prose(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title\n\nA line\nand `whoever` it is.\n\n```text\nwhoever\n```\n\n    whoever, indented\n\n"
        "| a | b |\n| --- | --- |\n| one | two |\n"
    )
    assert [(text.line, text.text) for text in page_texts(page)] == [
        (1, "A title"), (3, "A line and `…` it is."), (12, "a"), (12, "b"), (14, "one"), (14, "two"),
    ]  # fmt: skip


def test_docstrings_and_messages_are_told_apart(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(
        '"""The module is here."""\n\nNAME = "short"\n\n\ndef f(x):\n    raise ValueError(f"it is {x} again")\n'
    )
    assert [text.text for text in docstrings(module)] == ["The module is here."]
    assert [text.text for text in messages(module)] == ["it is … again"]


def test_every_pattern_is_a_pattern_of_words() -> None:
    assert all(re.compile(turn.pattern).groups == 0 and turn.instead for turn in TURNS)
