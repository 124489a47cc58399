"""The page of each of 200 events whose texts attack it, in a real Chromium: no script runs, no node is theirs."""

from tests.browser.conftest import hostile_explorer
from tests.browser.foreign_nodes import look, look_at_all_results
from tests.browser.opened import opened
from tests.factory.chromium import chromium
from tests.factory.exploring import served
from tests.factory.hostile import VALUES


def test_two_hundred_hostile_events_run_nothing_and_add_no_node() -> None:
    with chromium() as browser, served(hostile_explorer()) as explorer, opened(browser) as page:
        events = set(look_at_all_results(page, explorer))
        assert len(events) == len(VALUES) == 200
        for event in events:
            look(page, event)
