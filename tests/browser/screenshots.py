"""Takes the pictures of docs/images: `python -m tests.browser.screenshots`. The same events give the same pictures."""

import tempfile
from pathlib import Path

from playwright.sync_api import ViewportSize, expect

from tests.browser.conftest import TRUST, explore
from tests.factory.chromium import chromium
from tests.unit.search.test_search_command import BLOCKS

IMAGES = Path(__file__).parents[2] / "docs" / "images"
SIZE = ViewportSize(width=1120, height=760)


def main() -> None:
    """Take the pictures."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        explorer = explore(Path(folder), BLOCKS, TRUST)
        address = next(explorer)
        page = browser.new_context(viewport=SIZE, device_scale_factor=1.5, color_scheme="light").new_page()
        page.goto(f"{address}/logs")
        expect(page.locator(".state")).to_have_text("chain verified")
        page.goto(f"{address}/?q=category+in+(ACCESS,+DATA,+PERMISSION)")
        page.screenshot(path=IMAGES / "explorer-events.png")
        page.goto(f"{address}/?q=change+exists")
        page.click(".hit >> nth=0")
        page.screenshot(path=IMAGES / "explorer-event.png")
        explorer.close()


if __name__ == "__main__":
    main()
