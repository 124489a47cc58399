"""What goes wrong while an index is built or searched: a store that fails, a full disk, Ctrl-C, an older version."""

import json
import resource
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from auditseal_local.ports import LOOPBACK
from auditseal_schemas.block import Block
from auditseal_schemas.errors import UnavailableError
from auditseal_search.manifest import manifest_name
from auditseal_search.verified_range import ChainCheck
from auditseal_vault.directory import DirectoryVault
from tests.factory.certificates import Authority
from tests.unit.search.test_search_command import BLOCKS, LOG, VALUES, Place


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.put(BLOCKS[:2])
    assert place.build().exit_code == 0
    place.put(BLOCKS)
    return place


def store_fails_at(height: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read = DirectoryVault.read

    def failing(self: DirectoryVault, key: str, version_id: str) -> bytes:
        if key == LOG.block_key(height):
            raise UnavailableError("the disk was pulled out")
        return read(self, key, version_id)

    monkeypatch.setattr(DirectoryVault, "read", failing)


@pytest.mark.parametrize("index", [True, False])
def test_a_store_that_fails_midway_makes_the_answer_partial_with_the_heights(
    place: Place, monkeypatch: pytest.MonkeyPatch, index: bool
) -> None:
    store_fails_at(4, monkeypatch)
    done = place.run("search", "", "--json", "--limit", "1000", index=index)
    assert done.exit_code == 4, done.output
    answer = json.loads(done.stdout)
    (log,) = answer["answer"]["logs"]
    (gap,) = log["not_covered"]
    covered = {height for height in range(5) if not gap["first"] <= height <= gap["last"]}
    assert (4 not in covered, {0, 1} <= covered, gap["last"]) == (True, True, 4)
    assert "pulled out" in gap["why"]
    assert {hit["height"] for hit in answer["hits"]} == covered
    exported = place.run("export", "", index=index)
    assert exported.exit_code == 4


def test_a_store_that_is_away_leaves_what_the_index_covers(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **_options: object) -> None:
        raise UnavailableError("the disk was pulled out")

    monkeypatch.setattr(DirectoryVault, "versions", failing)
    done = place.run("search", "", "--json", "--limit", "1000")
    assert done.exit_code == 4, done.output
    answer = json.loads(done.stdout)
    (gap,) = answer["answer"]["logs"][0]["not_covered"]
    assert (gap["first"], gap["last"]) == (2, None)
    assert {hit["height"] for hit in answer["hits"]} == {0, 1}


def test_what_a_search_reads_from_the_vault_is_filtered_at_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from auditseal.cli import querying

    gathered = []
    gather = querying.gather_rows

    def noted(*parts: object) -> object:
        gathered.append(gather(*parts))  # type: ignore[arg-type]
        return gathered[-1]

    monkeypatch.setattr(querying, "gather_rows", noted)
    answer = place.search("outcome = DENIED", index=False)
    (log,) = gathered[0].logs
    assert sum(len(table) for table in log.tables) == answer["total"]
    assert 0 < answer["total"] < len(VALUES) / 2  # type: ignore[operator]


def limit_files() -> None:
    """Let no file grow beyond 10,000 bytes, as on a disk that is full then."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))


def test_a_full_disk_leaves_the_old_index_whole(place: Place) -> None:
    before = place.files()
    command = [sys.executable, "-m", "auditseal", "index", "build", "--jobs", "1", "--trust", str(place.trust)]
    command += ["--vault", place.vault.as_uri(), "--index", str(place.index)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit_files, timeout=60)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert place.files() == before
    assert place.search("")["total"] == len(VALUES)
    assert place.build().exit_code == 0
    assert place.run("index", "verify", "--jobs", "1").exit_code == 0


def test_ctrl_c_leaves_a_valid_index(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    before, accept = place.files(), ChainCheck.accept

    def interrupted(self: ChainCheck, block: Block) -> None:
        if block.header.height == 3:
            raise KeyboardInterrupt
        accept(self, block)

    monkeypatch.setattr(ChainCheck, "accept", interrupted)
    done = place.build()
    assert done.exit_code == 130
    assert "the next build continues" in done.output
    monkeypatch.undo()
    assert place.files() == before
    assert place.search("")["total"] == len(VALUES)
    assert place.build().exit_code == 0
    assert place.run("index", "verify", "--jobs", "1").exit_code == 0


def test_an_index_of_an_older_version_says_so_and_is_rebuilt_by_one_command(place: Place) -> None:
    path = place.index / manifest_name(LOG)
    value = json.loads(path.read_bytes())
    path.write_text(json.dumps(value | {"columns": value["columns"] - 1}))
    for words in (("search", ""), ("index", "build"), ("index", "verify"), ("export", "")):
        done = place.run(*words)
        assert done.exit_code == (3 if words[1] == "verify" else 1)
        assert "another version" in done.output
        assert "auditseal index build --again" in done.output
    assert place.run("index", "build", "--again").exit_code == 0
    assert place.search("")["total"] == len(VALUES)


@pytest.fixture
def tls_listener(tmp_path: Path) -> Iterator[tuple[int, Path, bytearray]]:
    """A TLS server; its port, the file with its authority, and what it received."""
    import socket

    authority = Authority("syslog")
    certificate, key = authority.issue("localhost")
    (tmp_path / "server.pem").write_text(certificate + key)
    (tmp_path / "authority.pem").write_text(authority.pem)
    context, received = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), bytearray()
    context.load_cert_chain(tmp_path / "server.pem")
    with socket.create_server((LOOPBACK, 0)) as server:

        def serve() -> None:
            plain, _ = server.accept()
            try:
                with context.wrap_socket(plain, server_side=True) as connection:
                    while piece := connection.recv(1 << 16):
                        received.extend(piece)
                    connection.unwrap()
            except (ssl.SSLError, OSError):
                plain.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield server.getsockname()[1], tmp_path / "authority.pem", received
        thread.join(60)


@pytest.mark.parametrize("trusted", [True, False])
def test_syslog_over_tls_goes_to_a_server_that_is_trusted_alone(
    place: Place, tls_listener: tuple[int, Path, bytearray], monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    port, authority, received = tls_listener
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    done = place.run("export", "", "--syslog", f"tls://127.0.0.1:{port}")
    if trusted:
        assert done.exit_code == 0, done.output
        deadline = time.monotonic() + 60
        while received.count(b"CEF:0|") < len(VALUES):  # the export has ended, and the server may still read
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert received.count(b"CEF:0|") == len(VALUES)
    else:
        assert done.exit_code == 1
        assert "certificate" in done.output
        assert not received


HOSTILE = "\x1b]0;owned\x07\u202egnp.exe\nline two"


@pytest.mark.parametrize(
    "words", [("search", "--csv", "--columns", "actor_name"), ("search", "--json"), ("export",), ("tail", "--json")]
)
def test_nothing_raw_reaches_a_terminal(tmp_path: Path, words: tuple[str, ...]) -> None:
    from dataclasses import replace

    from auditseal_schemas.event_codec import decode_event, encode_event
    from tests.unit.search.test_search_command import seal_values

    value = VALUES[0]
    assert value is not None
    event = decode_event(value)
    place = Place(tmp_path)
    place.put(seal_values([encode_event(replace(event, actor=replace(event.actor, name=HOSTILE)))], [1]))
    command = [sys.executable, "-m", "auditseal", *words, "--trust", str(place.trust), "--vault", place.vault.as_uri()]
    shown = on_a_terminal(command)
    assert "owned" in shown
    assert not {char for char in shown.replace("\n", "") if not char.isprintable()}


def on_a_terminal(command: list[str]) -> str:
    """What a command shows on standard output where that is a terminal."""
    import os
    import pty
    import tty

    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    with subprocess.Popen(command, stdout=theirs, stderr=subprocess.DEVNULL) as process:
        os.close(theirs)
        shown = bytearray()
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:
            pass  # the terminal's other end was closed
        assert process.wait(60) == 0
    os.close(ours)
    return shown.decode()
