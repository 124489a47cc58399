"""`auditseal explore` as a user runs it: it says where it is, answers, and ends; what it refuses, it names."""

import re
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal.settings_explorer import read_access
from auditseal_local.ports import free_ports
from tests.factory.certificates import Authority
from tests.factory.exploring import explorer_process
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES, Place


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
    assert "not indexed:" not in page.text
    assert httpx2.get(address, headers={"host": "evil.example"}).status_code == 421
    assert httpx2.get(address.replace("127.0.0.1", "localhost")).status_code == 200
    assert "server" not in page.headers
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0


def test_an_index_with_nothing_of_a_log_is_told_at_the_start_and_on_the_page(place: Place, tmp_path: Path) -> None:
    wrong = str(tmp_path / "inndex")
    with explorer_process(place.trust, place.vault, "--index", wrong) as (address, process):
        assert process.stderr
        assert f"the index {wrong} has nothing of {LOG}, so all blocks are read" in process.stderr.readline()
        page = httpx2.get(address, timeout=60).text
        assert f"{len(VALUES)} events" in page
        assert "not indexed:" in page
    with explorer_process(place.trust, place.vault) as (address, _):
        assert "not indexed:" not in httpx2.get(address, timeout=60).text


def test_ctrl_c_ends_it_without_a_word(explorer: tuple[str, "subprocess.Popen[str]"]) -> None:
    address, process = explorer
    assert httpx2.get(f"{address}/static/explorer.css").status_code == 200
    process.send_signal(signal.SIGINT)
    assert process.stderr
    assert process.wait(60) == 0
    assert process.stderr.read() == ""


def test_the_client_of_the_how_to_works_as_it_is_printed(explorer: tuple[str, "subprocess.Popen[str]"]) -> None:
    page = (Path(__file__).parents[3] / "docs" / "how-to" / "explore.md").read_text("utf-8")
    (program,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(program.splitlines()) <= 10
    address, _ = explorer
    assert "http://127.0.0.1:8089" in program
    program = program.replace("http://127.0.0.1:8089", address)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    denied = httpx2.get(f"{address}/api/v1/search", params={"q": "outcome = DENIED"}).json()["total"]
    assert len(done.stdout.splitlines()) == denied > 0


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--host", "0.0.0.0"], "--host 0.0.0.0 is reached from other machines, and there is no login"),
        (["--host", "audit.example.com"], "is not an address: use 127.0.0.1 or ::1"),
        (["--vault", "ftp://x"], "ftp"),
        (["--expect", "billing=60"], "--expect needs --streams DIR"),
        (["--streams", "streams", "--expect", "billing"], "write SERVICE=SECONDS"),
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


@pytest.fixture
def access(tmp_path: Path) -> Path:
    """A file of access for TLS with client certificates at a free port, and the files that it names."""
    authority, others = Authority("auditors"), Authority("others")
    files = {"authorities.pem": authority.pem}
    files["server.pem"], files["server-key.pem"] = authority.issue("explorer")
    for name, issuer in {"ada": authority, "eve": authority, "stranger": others}.items():
        files[f"{name}.pem"], files[f"{name}-key.pem"] = issuer.issue(name)
    files["expired.pem"], files["expired-key.pem"] = authority.issue("ada", expired=True)
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    (port,) = free_ports(1)
    path = tmp_path / "access.toml"
    path.write_text(f"""
url = "https://127.0.0.1:{port}"
certificate = "{tmp_path}/server.pem"
key = "{tmp_path}/server-key.pem"

[client_certificates]
authorities = "{tmp_path}/authorities.pem"

[auditors]
ada = ["acorn"]
""")
    return path


def test_from_other_machines_it_is_reached_by_tls_with_a_certificate_of_an_auditor(place: Place, access: Path) -> None:
    port = read_access(access).hosts[0].rpartition(":")[2]
    words = ("--access", str(access), "--host", "0.0.0.0", "--port", port)
    with explorer_process(place.trust, place.vault, *words) as (address, _):
        assert address == f"https://127.0.0.1:{port}"

        def ask(name: str) -> httpx2.Response:
            context = ssl.create_default_context(cafile=str(access.with_name("authorities.pem")))
            if name:
                context.load_cert_chain(access.with_name(f"{name}.pem"), access.with_name(f"{name}-key.pem"))
            return httpx2.get(f"{address}/api/v1/search", verify=context)

        answer = ask("ada")
        assert answer.status_code == 200
        assert {entry["tenant"] for entry in answer.json()["entries"]} == {"acorn"}
        assert "max-age" in answer.headers["strict-transport-security"]
        assert ask("eve").status_code == 403
        for refused in ("", "stranger", "expired"):
            with pytest.raises(httpx2.TransportError):
                ask(refused)
        with pytest.raises(httpx2.TransportError):
            httpx2.get(address.replace("https:", "http:"))
