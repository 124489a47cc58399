"""Takes the pictures of docs/images: `python -m tests.browser.screenshots`. The same events give the same pictures."""

from pathlib import Path

from playwright.sync_api import ViewportSize

from tests.factory.chromium import chromium
from tests.factory.exploring import exploring, served
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = ViewportSize(width=1120, height=760)


def main() -> None:
    """Take the pictures."""
    with chromium() as browser, served(exploring(BLOCKS, TRUST)) as address:
        page = browser.new_context(viewport=SIZE, device_scale_factor=1.5, color_scheme="light").new_page()
        page.goto(f"{address}/?q=category+in+(ACCESS,+DATA,+PERMISSION)")
        page.screenshot(path=IMAGES / "explorer-events.png")
        page.goto(f"{address}/?q=change+exists")
        page.click(".hit >> nth=0")
        page.screenshot(path=IMAGES / "explorer-event.png")


if __name__ == "__main__":
    main()
