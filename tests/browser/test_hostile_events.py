"""Events whose texts attack the pages that show them, in a real Chromium; the slice opens all 200 of them."""

import csv
import io
from pathlib import Path

from playwright.sync_api import Browser

from tests.browser.conftest import hostile_explorer
from tests.browser.foreign_nodes import look, look_at_all_results
from tests.browser.opened import opened
from tests.factory.exploring import served
from tests.factory.hostile import FIELDS, VALUES

# Formulas of spreadsheets begin with these.
FORMULAS = ("=", "+", "@", "-", "\t", "\r")


def test_hostile_events_run_nothing_and_add_no_node(browser: Browser) -> None:
    with served(hostile_explorer()) as explorer, opened(browser, accept_downloads=True) as page:
        events = list(look_at_all_results(page, explorer))
        assert len(set(events)) == len(VALUES) == 200
        for event in events[:: len(FIELDS) + 1]:  # each text, and each field
            look(page, event)
        for query in ("%3Cscript%3Ealert(1)%3C/script%3E", "actor+%3D+%22%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%22"):
            look(page, f"{explorer}/?q={query}")
        look(page, f"{explorer}/case?q={query}")
        assert "<img src=x onerror=alert(1)>" in page.inner_text("section.case")
        page.goto(explorer)
        with page.expect_download() as download:
            page.click("text=CSV")
        csv.field_size_limit(1 << 20)
        rows = list(csv.reader(io.StringIO(Path(download.value.path()).read_text("utf-8"), newline="")))
        assert len(rows) == len(VALUES) + 1
        cells = (cell for row in rows for cell in row)
        assert not [cell for cell in cells if cell.startswith(FORMULAS) and not cell[1:].isdigit()]
