"""Strange values in every parameter of every address: each has an answer that names the mistake, and shows no file."""

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.factory.exploring import Exploring, exploring
from tests.unit.explorer.test_app import TRUST
from tests.unit.explorer.test_counting import exploring as indexed_exploring
from tests.unit.search.test_search_command import BLOCKS, LOG

PLACE = f"origin={quote(str(LOG), safe='')}&offset=0"
PATHS = {
    "/": ("q", "as_of", "after", "order"),
    "/api/v1/search": ("q", "as_of", "after", "order"),
    "/case": ("q", "as_of"),
    "/case.zip": ("q", "as_of", "case"),
    "/case.html": ("q", "as_of", "case"),
    "/export.csv": ("q", "as_of"),
    "/export.jsonl": ("q", "as_of"),
    "/event": ("origin", "offset", "as_of"),
    "/api/v1/event": ("origin", "offset"),
    "/proof": ("origin", "offset"),
    "/logs": ("q",),
    "/api/v1/logs": ("q",),
    "/runbooks": ("q",),
}
STRANGE = (
    "\0",
    "a\0b",
    "../../../../etc/passwd",
    "..\\..\\etc\\passwd",
    "/etc/passwd",
    "file:///etc/passwd",
    "x\r\nset-cookie: a=b",
    "\x1b[2J\u202e",
    "{{ 7 * 7 }}",
    "${jndi:ldap://x}",
    "'; DROP TABLE tail0; --",
    "read_parquet('/etc/passwd')",
    "=" * 3_000,
    "9" * 3_000,
    "(" * 3_000,
    "not " * 900 + "id = 1",
    "\ufeff",
    "%",
    "%zz",
    f"{LOG}:-1",
    f"{LOG}:99999999999999999999",
    "NaN",
)
STATUSES = {200, 400, 404}


@pytest.fixture(scope="module")
def explorer() -> Exploring:
    return exploring(BLOCKS[:1], TRUST)


def answers_well(explorer: Exploring, address: str) -> None:
    answer = explorer.client.get(address)
    assert answer.status_code in STATUSES, (address, answer.status_code, answer.text[-500:])
    assert "root:" not in answer.text
    assert "Traceback" not in answer.text
    assert "set-cookie" not in answer.headers
    assert "<b>49" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("path", PATHS)
def test_each_parameter(explorer: Exploring, path: str) -> None:
    for name in PATHS[path]:
        others = f"&{PLACE}" if "offset" in PATHS[path] and name == "as_of" else ""
        for value in STRANGE:
            answers_well(explorer, f"{path}?{name}={quote(value, safe='')}{others}")
            answers_well(explorer, f"{path}?{name}={value.encode('unicode_escape').decode()}")


@pytest.mark.parametrize("path", [*PATHS, "/static/explorer.css", "/docs/index.md"])
def test_each_path(explorer: Exploring, path: str) -> None:
    for value in ("%00", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/../../../../etc/passwd", "%0d%0aset-cookie:%20a=b", "%ff"):
        answers_well(explorer, path + value)
        answers_well(explorer, "/" + value + path)


@pytest.mark.parametrize("query", ["q=%ff", "%00=1", "=", "&&&", "q", "q=1&q=2&q=%00", "q=" + "%F0%9F%92%A3" * 900])
def test_a_query_that_is_no_text(explorer: Exploring, query: str) -> None:
    for path in PATHS:
        answers_well(explorer, f"{path}?{query}")


def test_a_file_of_the_index_that_is_lost_shows_no_query(tmp_path: Path) -> None:
    explorer = indexed_exploring(tmp_path)
    for file in tmp_path.rglob("*.parquet"):
        file.unlink()
    for path in ("/?q=offset+%3E+3", "/api/v1/search", "/export.csv", "/case"):
        answer = explorer.client.get(path)
        assert answer.status_code == 503
        assert "can't be read" in answer.text.replace("&#39;", "'")
        assert "SELECT" not in answer.text
        assert "LINE 1" not in answer.text


def test_an_error_of_no_known_kind_shows_nothing(explorer: Exploring, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a secret of the machine")

    monkeypatch.setattr("auditseal_explorer.app.find", broken)
    answer = explorer.client.get("/")
    assert answer.status_code == 500
    assert "secret" not in answer.text
