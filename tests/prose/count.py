"""How often the turns to replace come, in groups of files."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from tests.prose.texts import Text, docstrings, messages, page_texts
from tests.prose.turns import TURNS, Turn

ROOT = Path(__file__).parents[2]
PACKAGES = {
    path.name: path
    for folder in (".", *(path.name for path in ROOT.iterdir() if path.is_dir()))
    for path in (ROOT / folder).glob("auditseal*")
    if (path / "__init__.py").is_file()
}


@dataclass(frozen=True, slots=True)
class Group:
    """Files of one kind, and how to read their prose."""

    files: tuple[Path, ...]
    readers: tuple[Callable[[Path], Iterator[Text]], ...]


GROUPS = {
    "pages": Group(tuple(sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])), (page_texts,)),
    "tests": Group(tuple(sorted((ROOT / "tests").rglob("*.py"))), (docstrings,)),
    **{
        name: Group(tuple(sorted(path.rglob("*.py"))), (docstrings, messages))
        for name, path in sorted(PACKAGES.items())
    },
}


def texts_of(group: Group) -> list[Text]:
    """Return all prose of a group."""
    return list(chain.from_iterable(reader(path) for path in group.files for reader in group.readers))


def found(text: Text) -> Iterator[tuple[Turn, re.Match[str]]]:
    """Yield each turn to replace in a text, with its place; of turns that overlap, the first."""
    end = 0
    matches = [
        (match.start(), -match.end(), order, match)
        for order, turn in enumerate(TURNS)
        for match in turn.finder.finditer(text.text)
    ]
    for start, _, order, match in sorted(matches, key=lambda item: item[:3]):
        if start >= end:
            yield TURNS[order], match
            end = match.end()


def rate(texts: Iterable[Text]) -> float:
    """Return how many turns to replace there are for each 1,000 words."""
    texts = list(texts)
    words = sum(text.words for text in texts)
    return 1000 * sum(1 for text in texts for _ in found(text)) / max(words, 1)
