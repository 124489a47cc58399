"""The texts that count as prose: the text of a page without its code, docstrings, and the strings that a user reads."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2 *$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\([^)\s]*\)")
_WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
_SENTENCE = re.compile(r"(?<=[.!?])[)\"']*\s+(?=[A-Z*`\[(\"']|auditseal\b)")
_LEAST_WORDS = 3


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of prose.

    Attributes:
        path: The file that it is from.
        line: The line at which it begins, from 1.
        text: The prose. Line breaks are spaces, code is gone.
    """

    path: Path
    line: int
    text: str

    @property
    def words(self) -> int:
        """The number of words."""
        return len(_WORD.findall(self.text))

    @property
    def sentences(self) -> list[str]:
        """The sentences, in order."""
        return [sentence for sentence in _SENTENCE.split(self.text) if sentence.strip()]


def page_texts(path: Path) -> Iterator[Text]:
    """Yield the paragraphs, list items and table cells of a Markdown page, without code."""
    content = _FENCE.sub(_blank, path.read_text("utf-8"))
    paragraph: list[str] = []
    begin, code = 1, False
    for number, line in enumerate([*content.split("\n"), ""], 1):
        code = (line.startswith("    ") and (code or not paragraph)) or (code and not line.strip())
        starts = re.match(r"\s*(?:[*+-]|\d+\.) |#+ |\||>", line)
        if (starts or code or not line.strip()) and paragraph:
            yield Text(path, begin, _plain(" ".join(paragraph)))
            paragraph = []
        if code or not line.strip():
            continue
        if line.startswith("|"):
            for cell in line.strip().strip("|").split(" | "):
                if not re.fullmatch(r"[\s:|-]*", cell):
                    yield Text(path, number, _plain(cell))
        elif line.startswith("#"):
            yield Text(path, number, _plain(line.lstrip("# ")))
        else:
            begin = begin if paragraph else number
            paragraph.append(re.sub(r"^\s*(?:[*+-]|\d+\.|>) ", "", line).strip())


def docstrings(path: Path) -> Iterator[Text]:
    """Yield the docstrings of a module, of its classes and of its functions."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield Text(path, node.body[0].lineno, _plain(text))


def messages(path: Path) -> Iterator[Text]:
    """Yield the strings of a module that hold at least three words and are not docstrings; a value in one is "…"."""
    tree = ast.parse(path.read_text("utf-8"))
    seen = {id(text) for node in ast.walk(tree) for text in _expressions(node)}
    for node in ast.walk(tree):
        if id(node) in seen:
            continue
        if isinstance(node, ast.JoinedStr):
            seen.update(id(part) for part in node.values)
            parts = [str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values]
            text = _plain("".join(parts))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = _plain(node.value)
        else:
            continue
        if len(_WORD.findall(text)) >= _LEAST_WORDS and " " in text:
            yield Text(path, node.lineno, text)


def _expressions(node: ast.AST) -> Iterator[ast.expr]:
    """The strings that are a statement by themselves: docstrings, and the notes under an attribute."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        yield node.value


def _plain(text: str) -> str:
    text = _LINK.sub("]", _CODE.sub("`…`", text))
    return re.sub(r"\s+", " ", re.sub(r"\*\*|__", "", text)).strip()


def _blank(match: re.Match[str]) -> str:
    return "\n" * match[0].count("\n")
