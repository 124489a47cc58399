"""Nodes, addresses and characters in a page that its events brought, and not its templates."""

from collections.abc import Iterator

from playwright.sync_api import Page

from tests.unit.explorer.test_app import TAGS

_FOREIGN = r"""(tags) => {
  const wrong = [];
  for (const node of document.querySelectorAll("*")) {
    if (!tags.includes(node.localName)) wrong.push(node.outerHTML.slice(0, 100));
    for (const { name, value } of node.attributes) {
      const leaves = ["href", "src", "action", "formaction"].includes(name) && !/^(\/(?!\/)|#|$)/.test(value);
      if (leaves || name.startsWith("on") || name === "style") wrong.push(`${name}=${value.slice(0, 100)}`);
    }
  }
  const hidden = /[\0-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/;
  if (hidden.test(document.documentElement.textContent)) wrong.push("a hidden character");
  if (document.scripts.length !== 1) wrong.push(`${document.scripts.length} scripts`);
  return wrong;
}"""


def look(page: Page, address: str) -> None:
    """Open a page, and find nothing in it that its templates don't have."""
    page.goto(address, wait_until="domcontentloaded")
    assert page.evaluate(_FOREIGN, sorted(TAGS)) == [], address


def look_at_all_results(page: Page, explorer: str) -> Iterator[str]:
    """Look at the list of all events, page by page, and yield the address of each."""
    address = "/?order=oldest"
    while address:
        look(page, explorer + address)
        following = page.query_selector("a[rel=next]")
        yield from [explorer + (link.get_attribute("href") or "") for link in page.query_selector_all(".hit")]
        address = following.get_attribute("href") or "" if following else ""
