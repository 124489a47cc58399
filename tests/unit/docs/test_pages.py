"""Each page has the form that readers know: for whom it is, short sentences, lines that a diff can show."""

import re
from pathlib import Path

import pytest

from tests.prose.texts import page_texts

ROOT = Path(__file__).parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
MOST_WORDS, WIDTH = 25, 100
_WORD = re.compile(r"\w")
_CODE = re.compile(r"^( *)```.*?^\1```$|^(?: {4}[^\n]*\n)+", re.MULTILINE | re.DOTALL)
OPENINGS = {
    "docs/adr/0": r"# \d{4}: .+\n\n\d{4}-\d\d-\d\d, (accepted|proposed|replaced by)",
    "docs/alerts/": r"# Auditseal\w+\n\nSeverity: (page|ticket)\. ",
    "docs/runbooks/": r"# [\w-]+\n\n`[A-Z_]+`, exit code \d+; halts: ",
    "README.md": r"# auditseal\n\n\*\*[^*]+\*\*\n\n## For whom\n",
}
ORDINARY = r"# .+\n\nThis (page|tutorial) is for "


@pytest.mark.parametrize("name", NAMES)
def test_a_sentence_has_at_most_25_words(name: str) -> None:
    sentences = [sentence for text in page_texts(ROOT / name) for sentence in text.sentences]
    assert [
        sentence for sentence in sentences if sum(1 for word in sentence.split() if _WORD.search(word)) > MOST_WORDS
    ] == []


@pytest.mark.parametrize("name", NAMES)
def test_prose_is_wrapped(name: str) -> None:
    prose = _CODE.sub("", (ROOT / name).read_text("utf-8"))
    lines = [line for line in prose.split("\n") if not line.startswith("|") and "](" not in line]
    assert [line for line in lines if len(line) > WIDTH] == []


@pytest.mark.parametrize("name", NAMES)
def test_a_page_begins_with_whom_it_is_for(name: str) -> None:
    special = [form for start, form in OPENINGS.items() if name.startswith(start) and not name.endswith("s/README.md")]
    assert re.match(special[0] if special else ORDINARY, (ROOT / name).read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_a_list_follows_an_empty_line(name: str) -> None:
    """The site shows it as a paragraph otherwise."""
    prose = _CODE.sub("", (ROOT / name).read_text("utf-8"))
    assert re.findall(r"^(?![-#]|\d+\. | )[^\n]+\n(?:-|1\.) .*$", prose, re.MULTILINE) == []
