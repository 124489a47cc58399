"""`auditseal explore` as a user runs it: it says where it is, answers, and ends; what it refuses, it names."""

import signal
import subprocess
from collections.abc import Iterator

import httpx2
import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from tests.factory.exploring import explorer_process
from tests.unit.search.test_search_command import BLOCKS, VALUES, Place


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("place"))
    place.put(BLOCKS)
    return place


@pytest.fixture
def explorer(place: Place) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    if not place.index.exists():
        assert place.build().exit_code == 0
    with explorer_process(place.trust, place.vault, "--index", str(place.index)) as running:
        yield running


def test_it_answers_at_the_address_that_it_prints_until_it_is_stopped(
    explorer: tuple[str, "subprocess.Popen[str]"],
) -> None:
    address, process = explorer
    page = httpx2.get(address)
    assert page.status_code == 200
    assert f"{len(VALUES)} events" in page.text
    assert f"{len(BLOCKS)} blocks from the index" in page.text
    assert httpx2.get(address, headers={"host": "evil.example"}).status_code == 421
    assert httpx2.get(address.replace("127.0.0.1", "localhost")).status_code == 200
    assert "server" not in page.headers
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) in {0, -signal.SIGTERM}


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 is reached from other machines, and the explorer has no login"),
        (["--host", "audit.example.com"], "is not an address: use 127.0.0.1 or ::1"),
        (["--vault", "ftp://x"], "ftp"),
    ],
)
def test_what_it_refuses_it_names(place: Place, words: list[str], problem: str) -> None:
    where = ["--trust", str(place.trust), "--vault", place.vault.as_uri()]
    done = CliRunner().invoke(app, ["explore", *where, *words])
    assert (done.exit_code, problem in done.stderr) == (2, True), done.stderr


def test_a_port_that_is_taken_is_named(place: Place, explorer: tuple[str, "subprocess.Popen[str]"]) -> None:
    port = explorer[0].rpartition(":")[2]
    where = ["--trust", str(place.trust), "--vault", place.vault.as_uri()]
    done = CliRunner().invoke(app, ["explore", *where, "--port", port])
    assert (done.exit_code, f"port {port} can't be listened on: Address already in use" in done.stderr) == (2, True)
