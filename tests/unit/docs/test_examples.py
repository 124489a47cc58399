"""The Python in the docs runs, on librdkafka's mock cluster."""

import re
from pathlib import Path
from typing import Any

import pytest

from auditseal_producer import ProducerConfig

DOCS = Path(__file__).parents[3] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize(("page", "blocks"), [("reference/events.md", 1), ("how-to/publish.md", 8)])
def test_the_code_of_a_page_runs_from_top_to_bottom(page: str, blocks: int, monkeypatch: pytest.MonkeyPatch) -> None:
    real = ProducerConfig.librdkafka.fget
    assert real is not None
    mock = {"test.mock.num.brokers": 1}
    monkeypatch.setattr(ProducerConfig, "librdkafka", property(lambda config: {**real(config), **mock}))
    text = (DOCS / page).read_text(encoding="utf-8")
    found = list(BLOCK.finditer(text))
    assert len(found) == blocks
    names: dict[str, Any] = {}
    for block in found:
        # Blank lines first, so that a failure names the page's own line.
        above = "\n" * text.count("\n", 0, block.start(1))
        exec(compile(above + block[1], str(DOCS / page), "exec"), names)
