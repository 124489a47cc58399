"""The documentation, which is installed with the explorer: its pages as HTML, whose links work without a network."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from unicodedata import normalize

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

_INSTALLED = Path(__file__).parent / "documents"
# An editable installation has the pages where they are written.
_FOLDER = _INSTALLED if _INSTALLED.is_dir() else Path(__file__).parents[2] / "docs"
_IMAGES = {".png": "image/png", ".svg": "image/svg+xml"}
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")


@dataclass(frozen=True, slots=True)
class Document:
    """A page of the documentation.

    Attributes:
        title: Its first heading.
        html: All of it. Only Markdown of our own makes it, and HTML within that is escaped.
    """

    title: str
    html: Markup


def find_image(name: str) -> tuple[Path, str] | None:
    """Return a picture's file and media type by its path below `docs`; None if `docs` does not have it."""
    path = _files().get(name)
    media_type = _IMAGES.get(path.suffix) if path else None
    return (path, media_type) if path and media_type else None


@cache
def read_page(name: str) -> Document:
    """Return the page with a path below `docs`, such as `runbooks/fork.md`.

    Raises:
        KeyError: The documentation does not have this page.
    """
    tokens = _MARKDOWN.parse(_files()[name].read_text("utf-8"))
    headings = list(_name_headings(tokens))
    html = _MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})
    return Document(headings[0], Markup(html))  # noqa: S704  (see `Document.html`)


@cache
def _files() -> Mapping[str, Path]:
    """Return what there is: an address can name nothing else."""
    found = (path for path in sorted(_FOLDER.rglob("*")) if path.suffix in {".md", *_IMAGES})
    return {path.relative_to(_FOLDER).as_posix(): path for path in found}


def _name_headings(tokens: list[Token]) -> Iterator[str]:
    """Give each heading the id to which links lead, and yield its text."""
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            text = "".join(child.content for child in inline.children or ())
            opening.attrSet("id", _slug(text))
            yield text


def _slug(text: str) -> str:
    """Return the id that MkDocs gives a heading, so that the same links work."""
    plain = normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip().lower())
