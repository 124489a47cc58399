"""The page that shows a pack's events, and the pack's README. Jinja2 escapes every value; nothing runs in the page."""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from auditseal_evidence.case import Case
from auditseal_evidence.case_log import CaseLog
from auditseal_evidence.verify import Row, visible

_PIECES = 64  # of a template's output that are written at once


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("auditseal_evidence"),
        autoescape=select_autoescape(("html.j2",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["visible"] = visible
    return environment


def write_page(path: Path, case: Case, heads: Sequence[CaseLog], events: Iterable[list[Row]]) -> None:
    """Write the page. Events are written as they come, so memory stays flat.

    Raises:
        OSError: The file can't be written.
    """
    environment = _environment()
    style = environment.get_template("page.css").render()
    template = environment.get_template("page.html.j2")
    stream = template.stream(
        case=case,
        heads=heads,
        events=events,
        style_hash=b64encode(sha256(style.encode()).digest()).decode(),
    )
    stream.enable_buffering(_PIECES)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(stream)


def readme(case: Case, heads: Sequence[CaseLog]) -> str:
    """Return the README of a pack."""
    return _environment().get_template("readme.txt.j2").render(case=case, heads=heads)
