"""The documentation in the explorer: every link within it leads somewhere, without a network."""

from pathlib import Path, PurePosixPath
from urllib.parse import urljoin, urlsplit

import pytest

from auditseal_explorer.documents import find_image, read_page
from auditseal_explorer.runbooks import RUNBOOKS
from tests.factory.exploring import Exploring, Page, exploring
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS

DOCS = Path(__file__).parents[3] / "docs"
PAGES = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))


@pytest.fixture(scope="module")
def explorer() -> Exploring:
    return exploring(BLOCKS[:1], TRUST)


def ids(page: Page) -> set[str]:
    return {attrs["id"] for _, attrs in page.nodes if "id" in attrs}


def parsed(name: str) -> Page:
    return Page(str(read_page(name).html))


def test_every_link_of_every_page_leads_to_a_page_and_a_place_in_it() -> None:
    wrong = []
    for name in PAGES:
        for tag, attrs in parsed(name).nodes:
            target = urlsplit(urljoin(f"/{name}", attrs.get("href", attrs.get("src", "#"))))
            if tag not in {"a", "img"} or target.scheme in {"http", "https"}:
                continue
            path = target.path.lstrip("/")
            found = path in PAGES if tag == "a" else find_image(path) is not None
            if not found:
                wrong.append((name, path))
            elif found and target.fragment and target.fragment not in ids(parsed(path)):
                wrong.append((name, f"{path}#{target.fragment}"))
    assert wrong == []


def test_the_page_on_what_to_do_leads_to_every_runbook_and_every_alert(explorer: Exploring) -> None:
    assert "/runbooks" in explorer.page("/logs").links()
    begin = explorer.page("/runbooks")
    links = begin.links("/docs/")
    assert {f"/docs/{one.page}" for one in RUNBOOKS} <= set(links)
    for link in links:
        path, _, anchor = link.partition("#")
        page = explorer.page(path)
        assert not anchor or anchor in ids(page)
    for folder in ("alerts", "runbooks"):
        listed = {urljoin(f"/docs/{folder}/", link) for link in explorer.page(f"/docs/{folder}/README.md").links()}
        assert {f"/docs/{name}" for name in PAGES if PurePosixPath(name).parent.name == folder} - {
            f"/docs/{folder}/README.md"
        } <= listed


def test_a_page_shows_its_code_and_tables_as_text(explorer: Exploring) -> None:
    page = explorer.page("/docs/how-to/explore.md")
    assert page.nodes.count(("h1", {"id": "explore-sealed-events-in-a-browser"})) == 1
    assert "auditseal explore --trust trust.txt --index ./index" in page.text
    assert [tag for tag, _ in page.nodes if tag == "table"]
    (image, *_) = [attrs["src"] for tag, attrs in page.nodes if tag == "img"]
    answer = explorer.client.get(urljoin("/docs/how-to/explore.md", image))
    assert (answer.headers["content-type"], answer.content[:4]) == ("image/png", b"\x89PNG")


@pytest.mark.parametrize(
    "name", ["", "nothing.md", "../pyproject.toml", "..%2fpyproject.toml", "/etc/passwd", "how-to", "images/x.png"]
)
def test_nothing_but_the_documentation_is_served(explorer: Exploring, name: str) -> None:
    assert "There is no such page" in explorer.page(f"/docs/{name}", 404).text
