"""How fast the explorer answers over many events, next to a bare DuckDB and a bare Starlette in the same run.

Run as a command (`make bench-explorer`), it prints a table and writes JSON. `EVENTS=10000000` is the full size.
`STORE=DIR` takes a folder that has `vault`, `index` and `trust.txt` already.

Readers think between two pages, as people do: each opens a page at a random moment of every `THINK` seconds. Readers
who open one page after the other without a thought are measured too: they show what the processors can do.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from random import Random
from statistics import median
from typing import Self
from urllib.parse import urlencode, urlsplit

import duckdb
import psutil

from auditseal_explorer.counting import FACETS
from auditseal_explorer.results import PAGE
from auditseal_local.ports import accepts, free_ports
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import DirectoryStore
from auditseal_search.manifest import read_manifest
from auditseal_search.query_fields import FIELDS, Kind
from auditseal_search.range_pool import RangePool
from auditseal_vault.directory import DirectoryVault
from tests.bench.bench_proofs import timed
from tests.bench.bench_search import drop_from_memory, segments
from tests.bench.bench_verify import TRUST, cpu_seconds, kib, make_vault
from tests.bench.demo_messages import A_DAY, demo_messages, event_times
from tests.bench.steps import say, step
from tests.bench.targets import Below, Figures, Row, show
from tests.factory.exploring import explorer_process

EVENTS = 1_000_000
OUT = Path("bench-explorer.json")
READERS = 50
THINK = 10.0
"""Seconds in which each reader opens one page."""
_ROUNDS = 4  # pages of each reader
_PAGES = 10
_ASSETS = 200
_VERIFIED_SECONDS = 1_200
_TENANTS = ("acorn", "birch", "cedar", "damson")
_STATIC = ("explorer.css", "explorer.js", "seal.svg")
_BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
app = Starlette(routes=[Mount("/static", StaticFiles(packages=[("auditseal_explorer", "static")]))])
uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_level="error")
"""

TARGETS: list[Row] = [
    ("start", "verified_seconds", "from the start to the first verification of all blocks, s", None),
    ("pages", "first_seconds", "the first page with histogram and counts, files not in memory, s", Below(1)),
    ("pages", "kept_seconds", "the same again, its counts are kept, median s", Below(1)),
    ("pages", "warm_seconds", "all events by other filters, counted anew, median s", Below(1)),
    ("pages", "actor_seconds", "one actor, median s", Below(1)),
    ("pages", "denied_seconds", "one outcome, median s", Below(1)),
    ("pages", "hour_seconds", "one hour, median s", Below(1)),
    ("pages", "event_seconds", "one event with its proof, median s", Below(1)),
    ("bare", "first_seconds", "the same answer of a bare DuckDB, a query for each part, files not in memory, s", None),
    ("bare", "warm_seconds", "the same again, median s", None),
    ("bare", "page_to_bare", "a page counted anew / a bare DuckDB, medians", Below(2)),
    ("export", "rows", "rows of an export as CSV", None),
    ("export", "lost_or_twice", "rows that were lost or came twice", Below(1)),
    ("export", "seconds", "its time, s", None),
    ("export", "peak_mib", "the explorer's memory meanwhile, MiB", Below(200)),
    ("readers", "pages", f"pages of {READERS} readers, each one in {THINK:.0f} s", None),
    ("readers", "p50_seconds", "p50 of a page, s", None),
    ("readers", "p95_seconds", "p95 of a page, s", Below(1.5)),
    ("readers", "cpu_seconds", "processor time of the explorer for each of these pages, s", None),
    ("at_once", "pages", f"pages of {READERS} readers without a thought", None),
    ("at_once", "p50_seconds", "p50 of a page, s", None),
    ("at_once", "p95_seconds", "p95 of a page, s", None),
    ("at_once", "cpu_seconds", "processor time of the explorer for each of these pages, s", None),
    ("assets", "p50_ms", "the first byte of a static asset, p50 ms", None),
    ("assets", "p99_ms", "p99 ms", Below(50)),
    ("assets", "bare_p99_ms", "a bare Starlette, p99 ms", None),
    ("weight", "kib", "a page without data, with style, script and picture, KiB", Below(150)),
]


@dataclass(frozen=True, slots=True)
class Store:
    """A folder with a vault, its index and its trust file, and how many events they have."""

    folder: Path
    events: int

    @classmethod
    def make(cls, folder: Path, events: int) -> Self:
        """Seal and index that many events of the demo's mix."""
        say(f"sealing {events:,} events")
        make_vault(folder, demo_messages(events))
        say("indexing them")
        with RangePool(partial(DirectoryVault, folder / "vault"), 1) as pool:
            IndexBuilder(DirectoryStore(folder / "index"), pool).build(TRUST.logs[0])
        return cls(folder, events)

    @classmethod
    def existing(cls, folder: Path) -> Self:
        """Take what is there."""
        manifest = read_manifest(DirectoryStore(folder / "index"), TRUST.logs[0])
        return cls(folder, sum(segment.rows for segment in manifest.segments))

    @contextmanager
    def explorer(self) -> Iterator["Client"]:
        """Run an explorer of it, and give a client once it has verified all blocks."""
        where = ["--index", str(self.folder / "index")]
        with explorer_process(self.folder / "trust.txt", self.folder / "vault", *where) as (address, process):
            client = Client(address, process.pid)
            client.await_verified()
            yield client


class Client:
    """Asks a server over one connection that stays open.

    Args:
        address: The server.
        pid: Its process.
    """

    def __init__(self, address: str, pid: int) -> None:
        self.address, self.pid = address, pid
        self._connection = HTTPConnection(urlsplit(address).netloc, timeout=600)

    def get(self, path: str, **parameters: str) -> bytes:
        """Return the body of an answer.

        Raises:
            RuntimeError: Its status is not 200.
        """
        self._connection.request("GET", f"{path}?{urlencode(parameters)}" if parameters else path)
        answer = self._connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path} {parameters}: status {answer.status}: {body[:500]!r}")
        return body

    def first_byte(self, path: str) -> float:
        """Return the seconds until the first byte of an answer."""
        began = time.perf_counter()
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        seconds = time.perf_counter() - began
        answer.read()
        return seconds

    def lines(self, path: str, **parameters: str) -> Iterator[bytes]:
        """Yield an answer's lines while they come."""
        self._connection.request("GET", f"{path}?{urlencode(parameters)}")
        yield from self._connection.getresponse()

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._connection.close()

    def await_verified(self) -> None:
        """Wait until all logs were verified once.

        Raises:
            RuntimeError: They were not in time, or have findings.
        """
        until = time.monotonic() + _VERIFIED_SECONDS
        while (results := {log["result"] for log in json.loads(self.get("/api/v1/logs"))["logs"]}) != {"verified"}:
            if results != {"not verified yet"} or time.monotonic() > until:
                raise RuntimeError(f"the vault was not verified: {results}")
            time.sleep(0.5)


def measure(store: Store) -> dict[str, Figures]:
    """Return all figures of an explorer of a store."""
    began = time.perf_counter()
    with store.explorer() as client:
        figures: dict[str, Figures] = {"start": {"verified_seconds": time.perf_counter() - began}}
        for name, run in (
            ("pages", partial(_pages, store, client)),
            ("assets", partial(_assets, client)),
            ("readers", partial(_readers, store, client, THINK)),
            ("at_once", partial(_readers, store, client, 0.0)),
            ("weight", partial(_weight, client)),
        ):
            client.close()  # the server ended it while others were measured
            figures[name] = step(name, run)
            say(f"{name}: {figures[name]}")
    figures["bare"] = step("bare", partial(_bare, store, figures["pages"]["warm_seconds"]))
    with store.explorer() as client:
        figures["export"] = step("export", partial(_export, store, client))
    return figures


def _pages(store: Store, client: Client) -> Figures:
    drop_from_memory(store.folder)
    first = timed(partial(client.get, "/"))
    began, ended = event_times(store.events)
    middle = began + (ended - began) / 2
    hour = f"time >= {middle:%Y-%m-%dT%H}:00:00Z and time < {middle:%Y-%m-%dT%H}:59:59Z"
    all_events = (f"offset < {10**9 + number}" for number in range(_PAGES))  # no two have the same counts to keep
    actors = (f"actor = u-{number * 17 % 400:04}" for number in range(_PAGES))
    place = {"origin": str(TRUST.logs[0].origin)}
    offsets = (str(number * store.events // _PAGES) for number in range(_PAGES))
    return {
        "first_seconds": first,
        "kept_seconds": median(timed(partial(client.get, "/")) for _ in range(_PAGES)),
        "warm_seconds": median(timed(partial(client.get, "/", q=one)) for one in all_events),
        "actor_seconds": median(timed(partial(client.get, "/", q=actor)) for actor in actors),
        "denied_seconds": median(timed(partial(client.get, "/", q="outcome = DENIED")) for _ in range(_PAGES)),
        "hour_seconds": median(timed(partial(client.get, "/", q=hour)) for _ in range(_PAGES)),
        "event_seconds": median(timed(partial(client.get, "/event", offset=offset, **place)) for offset in offsets),
    }


def _bare(store: Store, page: float) -> Figures:
    """Answer the first page by DuckDB alone: hits, ends, counts and bars, each by a query."""
    drop_from_memory(store.folder)
    first = timed(partial(_bare_page, store))
    warm = median(timed(partial(_bare_page, store)) for _ in range(_PAGES // 2))
    return {"first_seconds": first, "warm_seconds": warm, "page_to_bare": page / warm}


def _bare_page(store: Store) -> None:
    with duckdb.connect() as connection:
        rows = connection.read_parquet([str(path) for path in segments(store.folder)])
        rows.order("timestamp DESC, height DESC, index DESC").limit(PAGE).to_arrow_table()
        rows.aggregate('count(*), epoch_ms(min("timestamp")), epoch_ms(max("timestamp"))').fetchall()
        rows.aggregate('epoch_ms("timestamp") // 86400000 AS start, count(*)').fetchall()
        for name in FACETS:
            if FIELDS[name].kind is not Kind.LIST:  # the explorer leaves those out of many rows, too
                counted = rows.project(f"{FIELDS[name].column} AS value").aggregate("value, count(*) AS number")
                counted.order("number DESC").limit(6).fetchall()


def _export(store: Store, client: Client) -> Figures:
    """Export a million rows, or all where there are fewer, in a process that did nothing before but verify."""
    rows = min(store.events, A_DAY)
    Path(f"/proc/{client.pid}/clear_refs").write_text("5")  # VmHWM counts from here (proc_pid_clear_refs(5))
    began = time.perf_counter()
    lines = client.lines("/export.csv", q=f"offset < {rows}")
    column = next(lines).decode().strip().split(",").index("offset")
    seen = bytearray(rows)
    for line in lines:
        seen[int(line.split(b",")[column])] += 1
    seconds = time.perf_counter() - began
    peak = kib(client.pid, "status", "VmHWM:") / 1024
    return {
        "rows": rows,
        "lost_or_twice": rows - seen.count(1),
        "seconds": seconds,
        "peak_mib": peak,
    }


def _readers(store: Store, client: Client, think: float) -> Figures:
    """Let readers open pages: the first one, filters of their own, events, and the health of the log."""
    before = cpu_seconds(client.pid)
    with ThreadPoolExecutor(READERS) as threads:
        found = threads.map(partial(_reader, store.events, client.address, think), range(READERS))
    seconds = sorted(second for one in found for second in one)
    last = len(seconds) - 1
    return {
        "pages": len(seconds),
        "p50_seconds": seconds[last // 2],
        "p95_seconds": seconds[last * 95 // 100],
        "cpu_seconds": (cpu_seconds(client.pid) - before) / len(seconds),
    }


def _reader(events: int, address: str, think: float, number: int) -> list[float]:
    dice, client = Random(number + (0 if think else READERS)), Client(address, 0)
    choices: list[Callable[[], bytes]] = [
        partial(client.get, "/"),
        lambda: client.get("/", q=f"actor = u-{dice.randrange(400):04}"),
        lambda: client.get("/", q=f"outcome = DENIED and tenant = {dice.choice(_TENANTS)}"),
        lambda: client.get("/event", origin=str(TRUST.logs[0].origin), offset=str(dice.randrange(events))),
        partial(client.get, "/logs"),
    ]
    begin, seconds = time.monotonic(), list[float]()
    for round_ in range(_ROUNDS):
        due = begin + (round_ + dice.random()) * think
        time.sleep(max(0.0, due - time.monotonic()))
        seconds.append(timed(dice.choice(choices)))
        client.close()  # the server ends a connection that is silent for as long as a reader thinks
    return seconds


def _assets(client: Client) -> Figures:
    ours = _first_bytes(client)
    (port,) = free_ports(1)
    with subprocess.Popen([sys.executable, "-c", _BARE, str(port)]) as process:
        try:
            while not accepts(port):
                time.sleep(0.05)
            bare = _first_bytes(Client(f"http://127.0.0.1:{port}", process.pid))
        finally:
            process.kill()
    last = len(ours) - 1
    return {
        "p50_ms": ours[last // 2] * 1000,
        "p99_ms": ours[last * 99 // 100] * 1000,
        "bare_p99_ms": bare[last * 99 // 100] * 1000,
    }


def _first_bytes(client: Client) -> list[float]:
    return sorted(client.first_byte(f"/static/{_STATIC[number % len(_STATIC)]}") for number in range(_ASSETS))


def _weight(client: Client) -> Figures:
    empty = len(client.get("/", q="height < 0"))
    return {"kib": (empty + sum(len(client.get(f"/static/{name}")) for name in _STATIC)) / 1024}


def main(words: list[str]) -> int:
    """Measure, print, write; return 1 where a target is missed."""
    with tempfile.TemporaryDirectory(prefix="auditseal-bench-") as name:
        folder = os.environ.get("STORE")
        events = int(words[0]) if words else EVENTS
        store = Store.existing(Path(folder)) if folder else Store.make(Path(name), events)
        figures = measure(store)
    machine = {"machine": platform.platform(), "processors": psutil.cpu_count(), "events": store.events}
    OUT.write_text(json.dumps({**machine, "figures": figures}, indent=2) + "\n")
    code = show(TARGETS, figures)
    say(f"written to {OUT}")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
