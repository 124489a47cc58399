"""The page of the demo that goes on: its button makes one copy at a time, and says why one is not ready."""

from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from auditseal.demo.live import LiveDemo
from auditseal.demo.panel import make_panel
from auditseal_local.errors import LocalStackError
from tests.factory.exploring import Page


class FakeProcesses:
    """Explorers that never run: each notes that it was ended."""

    def __init__(self) -> None:
        self.is_slow, self.ended = False, list[int]()
        self._number = 0

    def start(self, _name: str, *_arguments: str) -> Any:
        self._number += 1
        number = self._number
        return SimpleNamespace(kill=lambda: self.ended.append(number))

    def await_ready(self, name: str, *_: object) -> None:
        if self.is_slow:
            raise LocalStackError(f"the {name} isn't ready after 120 s")


@pytest.fixture
def processes() -> FakeProcesses:
    return FakeProcesses()


@pytest.fixture
def panel(processes: FakeProcesses, tmp_path: Any) -> TestClient:
    change = SimpleNamespace(height=5, origin="a.example/t/0/0", offset=7, before="ada", after="eve")
    demo: Any = SimpleNamespace(
        store=SimpleNamespace(url="file:///vault"),
        folder=SimpleNamespace(copy=tmp_path / "copy", trust=tmp_path / "trust.txt"),
        copy_and_tamper=lambda: change,
    )
    running: Any = SimpleNamespace(processes=processes)
    app = make_panel(LiveDemo(demo, running), "http://127.0.0.1:1", ["panel.test"])
    return TestClient(app, "http://panel.test")


def press(panel: TestClient, status: int) -> str:
    """Press the button, and return the text of the page that follows."""
    (token,) = [
        attrs["value"] for tag, attrs in Page(panel.get("/").text).nodes if tag == "input" and attrs["name"] == "token"
    ]
    answer = panel.post("/tamper", data={"token": token})
    assert answer.status_code == status
    return Page(answer.text).text


def test_a_second_copy_takes_the_place_of_the_first(panel: TestClient, processes: FakeProcesses) -> None:
    assert "is still whole" in press(panel, 200)
    assert processes.ended == []
    assert "In block 5" in press(panel, 200)
    assert processes.ended == [1]


def test_a_copy_that_is_not_ready_is_ended_and_the_page_says_why(panel: TestClient, processes: FakeProcesses) -> None:
    processes.is_slow = True
    text = press(panel, 503)
    assert "The copy is not ready: the explorer-of-copy isn't ready after 120 s." in text
    assert "is still whole" not in text
    assert processes.ended == [1]
    processes.is_slow = False
    assert "In block 5" in press(panel, 200)
    assert processes.ended == [1]
