"""Evidence packs from the browser: what the page offers, what the files hold, and the parts that are refused."""

import io
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from auditseal_explorer import cases
from auditseal_explorer.producer_trail import StrictTrail
from auditseal_producer.testing import RecordedEvents
from tests.factory.exploring import Exploring
from tests.factory.vaults import MemoryVault, put_log
from tests.unit.explorer.test_app import TRUST
from tests.unit.search.test_search_command import BLOCKS, LOG

DENIED = {"q": "outcome = DENIED", "as_of": f"{LOG}:5"}


@pytest.fixture(scope="module")
def recorder() -> RecordedEvents:
    return RecordedEvents()


@pytest.fixture(scope="module")
def explorer(recorder: RecordedEvents) -> Exploring:
    vault = MemoryVault()
    put_log(vault, BLOCKS)
    return Exploring(vault, TRUST, trail=StrictTrail(recorder))


def test_the_pack_verifies_itself_and_is_the_same_each_time(
    explorer: Exploring, recorder: RecordedEvents, tmp_path: Path
) -> None:
    total = explorer.json("search", **DENIED)["total"]
    packs = [explorer.client.get("/case.zip", params=DENIED | {"case": "17"}) for _ in range(2)]
    assert packs[0].content == packs[1].content
    assert packs[0].headers["content-disposition"] == 'attachment; filename="case.zip"'
    assert (recorder.events[-1].action, recorder.events[-1].attributes["case"]) == ("auditseal.evidence", "17")
    with zipfile.ZipFile(io.BytesIO(packs[0].content)) as pack:
        pack.extractall(tmp_path)
    (program,) = tmp_path.rglob("verify.py")
    done = subprocess.run([sys.executable, program], cwd=program.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    page = explorer.client.get("/case.html", params=DENIED | {"case": "17"})
    assert page.text.count("<article") == total or f"{total}" in page.text
    assert "attachment" in page.headers["content-disposition"]


def test_the_page_of_a_case_keeps_the_heads(explorer: Exploring) -> None:
    page = explorer.page("/case?q=outcome+%3D+DENIED")
    hidden = {attrs["name"]: attrs["value"] for tag, attrs in page.nodes if attrs.get("type") == "hidden"}
    assert hidden == DENIED
    assert "complete" in page.text


def test_a_filter_of_today_is_not_a_case(explorer: Exploring) -> None:
    assert "needs absolute times" in explorer.page("/case?q=time+%3E%3D+-7d").text
    assert "needs absolute times" in explorer.page("/case.zip?q=time+%3E%3D+-7d&case=1", 400).text


@pytest.mark.parametrize("name", ["", "+", "x" * 101])
def test_a_case_has_a_name(explorer: Exploring, name: str) -> None:
    assert "a name of 1 to 100 characters" in explorer.page(f"/case.zip?q=outcome+%3D+DENIED&case={name}", 400).text


def test_a_case_that_is_too_large_is_refused(explorer: Exploring, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cases, "MOST_EVENTS", 3)
    assert "narrow the filter" in explorer.page("/case.zip?case=1", 400).text
