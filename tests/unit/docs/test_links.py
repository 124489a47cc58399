"""Every page that code, tests or another page names is there, and so is the heading that a link leads to."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FOLDERS = (
    *("archiver", "auditor", "auditseal", "daemon", "deploy", "docs", "evidence", "examples", "explorer", "gateway"),
    *("glue", "importers", "producer", "schemas", "sealer", "search", "tests", "vault", "watch"),
)
KINDS = {".cfg", ".go", ".in", ".lock", ".md", ".py", ".sh", ".toml", ".txt", ".yaml", ".yml"}
OTHERS = ROOT / "tests" / "data"
"""Files of other projects, which name pages of their own."""
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_NAMED = re.compile(r"\bdocs/[\w./-]*\.md\b")
_LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(#[^)\s]*)?\)")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def sources() -> Iterator[Path]:
    yield from (path for path in ROOT.iterdir() if path.is_file() and path.suffix in {*KINDS, ""})
    for folder in FOLDERS:
        files = (path for path in (ROOT / folder).rglob("*") if path.suffix in KINDS and path.is_file())
        yield from (path for path in files if OTHERS not in path.parents)


def test_every_page_that_is_named_is_there() -> None:
    well_known = {"docs/explanation/kafka.md", "docs/how-to/operate.md", "docs/reference/format.md"}
    named = {(name, path) for path in sources() for name in _NAMED.findall(path.read_text("utf-8", "replace"))}
    assert well_known <= {name for name, _ in named}
    known = {(name, path) for name, path in named if "NAME" not in name}  # the recipes' new pages
    missing = [f"{path.relative_to(ROOT)} names {name}" for name, path in known if not (ROOT / name).is_file()]
    assert sorted(missing) == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = _CODE.sub("", page.read_text("utf-8"))
    for target, anchor in _LINK.findall(text):
        found = (page.parent / target).resolve() if target else page
        assert found.exists(), f"there is no {target}"
        assert not anchor or anchor[1:] in anchors(found), f"{target or page.name} has no heading for {anchor}"


def anchors(page: Path) -> set[str]:
    """The names that headings get, as they are made of them on the web: lower case, no punctuation, hyphens."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_list_of_all_pages_has_each_of_them() -> None:
    """Runbooks, alerts and decisions are listed by the first page of their folder."""
    listed = {(ROOT / "docs" / target).resolve() for target, _ in _LINK.findall((ROOT / "docs/index.md").read_text())}
    kinds = [
        path
        for kind in ("tutorial", "how-to", "reference", "explanation")
        for path in ROOT.glob(f"docs/{kind}/**/*.md")
    ]
    pages = {*kinds, *ROOT.glob("docs/*.md"), *ROOT.glob("docs/*/README.md")} - {ROOT / "docs/index.md"}
    assert sorted(str(page.relative_to(ROOT)) for page in pages - listed) == []


def test_the_readme_and_its_pages_lead_to_every_page() -> None:
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        for target, _ in _LINK.findall(_CODE.sub("", page.read_text("utf-8"))):
            found = (page.parent / target).resolve()
            page_of_folder = found / "README.md"
            waiting.extend([page_of_folder] if page_of_folder.is_file() else [] if found.is_dir() else [found])
    assert [str(page.relative_to(ROOT)) for page in PAGES if page not in reached] == []


def test_every_file_that_a_recipe_names_exists_and_has_what_it_names() -> None:
    rows = re.findall(r"^\| `([\w./-]+)` \| (.+) \|$", (ROOT / "CONTRIBUTING.md").read_text("utf-8"), re.MULTILINE)
    assert len(rows) > 30
    for name, edit in rows:
        if "NAME" in name or "vN" in name:
            assert (ROOT / name).parent.is_dir(), name
            continue
        text = (ROOT / name).read_text("utf-8")
        leading = re.match(r"`(\w+)`", edit)
        assert not leading or leading[1] in text, f"{name} has no {edit}"


def test_every_file_that_answers_a_question_exists() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = re.findall(r"^\| [^|`]+\? \| (.+) \|$", text, re.MULTILINE)
    named = [name for answer in rows for name in re.findall(r"`([\w.]+/[\w./]+)`", answer)]
    assert len(rows) == 5
    assert len(named) >= 6
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_the_map_of_the_tests_lists_each_directory() -> None:
    listed = re.findall(r"^\| `(\w+)/` \|", (ROOT / "tests" / "README.md").read_text("utf-8"), re.MULTILINE)
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in (ROOT / "tests").glob("*/**/*") if path.is_file()}
    assert sorted(listed) == sorted(folders - {"__pycache__"})
