"""An explorer while its vault and its index grow: 30 readers, some of whom leave, and each request has an answer."""

import random
import signal
import socket
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from urllib.parse import quote, urlsplit

import pytest

from auditseal_explorer.deadline import ANSWER_SECONDS
from auditseal_explorer.timely_answers import GRACE_SECONDS
from auditseal_schemas.block import Block
from auditseal_search import segment_file
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import DirectoryStore
from auditseal_search.range_pool import RangePool
from auditseal_vault.directory import DirectoryVault
from tests.bench.bench_explorer import Client
from tests.factory.exploring import explorer_process
from tests.unit.search.test_search_command import LOG, PINNED, VALUES, Place, seal_values

READERS = 30
SECONDS = 8.0
MOST_SECONDS = ANSWER_SECONDS + GRACE_SECONDS + 15
"""For an answer, after which all threads of the explorer are printed."""
PAGES = (
    "/",
    "/?q=outcome+%3D+DENIED",
    "/?q=actor+%3D+u-0042&order=oldest",
    "/logs",
    "/api/v1/search?q=tenant+%3D+acorn",
    "/export.csv?q=outcome+%3D+DENIED",
    f"/event?origin={quote(str(LOG), safe='')}&offset=7",
    "/case?q=outcome+%3D+DENIED",
    "/static/explorer.css",
)


class Readers:
    """Ask for pages until they are stopped.

    Attributes:
        statuses: The status of each answer that was read, and `left` for each that was not.
    """

    def __init__(self, address: str) -> None:
        self._place, self.statuses = urlsplit(address), Counter[str]()

    def read(self, number: int, stop: Event) -> None:
        """Open pages in an order of this reader's own; each third reader leaves without the answer at times."""
        chosen = random.Random(number)
        while not stop.is_set():
            leaves = number % 3 == 0 and chosen.random() < 0.5
            self.statuses[self._open(chosen.choice(PAGES), leaves=leaves)] += 1

    def _open(self, page: str, *, leaves: bool) -> str:
        with socket.create_connection((self._place.hostname, self._place.port), timeout=MOST_SECONDS) as connection:
            host = f"Host: {self._place.netloc}\r\nConnection: close\r\n"
            connection.sendall(f"GET {page} HTTP/1.1\r\n{host}\r\n".encode())
            if leaves:
                return "left"
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
        return answer[9:12].decode()


def grow(place: Place, blocks: Sequence[Block]) -> None:
    """Store the blocks one by one, and build the index on after each fifth and at the end."""
    with RangePool(partial(DirectoryVault, place.vault), 1) as pool:
        builder = IndexBuilder(DirectoryStore(place.index), pool)
        for number, block in enumerate(blocks):
            place.put([block])
            if number % 5 == 0:
                builder.build(PINNED)
            time.sleep(SECONDS / len(blocks))
        builder.build(PINNED)


def test_each_request_has_an_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONFAULTHANDLER", "1")
    monkeypatch.setattr("auditseal_search.manifest.FULL", 500)
    monkeypatch.setattr(segment_file, "FULL", 500)
    place, stop = Place(tmp_path), Event()
    blocks = seal_values(VALUES, (2,) * (len(VALUES) // 2))
    place.put(blocks[:20])
    with explorer_process(place.trust, place.vault, "--index", str(place.index)) as (address, process):
        readers = Readers(address)
        with ThreadPoolExecutor(READERS) as threads:
            reading = [threads.submit(readers.read, number, stop) for number in range(READERS)]
            grow(place, blocks[20:])
            stop.set()
            problems = [error for one in reading if (error := one.exception())]
        if problems:
            process.send_signal(signal.SIGABRT)
            assert process.stderr
            pytest.fail(f"{problems}\n{process.stderr.read()}")
        client = Client(address, process.pid)
        page = client.get("/").decode()
        client.close()
    assert set(readers.statuses) <= {"200", "503", "left"}
    assert readers.statuses["200"] > READERS
    assert f"<strong>{len(VALUES)} events" in page
