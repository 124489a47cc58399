"""How fast an index is built and searched, next to `verify` of the same vault and to a bare DuckDB on the same files.

Run as a command (`make bench-search`), it prints a table and writes JSON. `EVENTS=10000000` is the full size.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import duckdb
import psutil

from auditseal.cli.querying import gather_rows
from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.request import Request
from auditseal_auditor.verification import Verification
from auditseal_local.minio import MinioNode
from auditseal_schemas.block import Block
from auditseal_schemas.completeness_proof import CompletenessProof
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.term import Term
from auditseal_schemas.trust import Trust
from auditseal_search.completeness_prover import CompletenessProver
from auditseal_search.hit_order import Cursor
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_signer import IndexSigner
from auditseal_search.index_store import DirectoryStore, open_index
from auditseal_search.query import parse_query
from auditseal_search.range_pool import RangePool
from auditseal_search.row_source import CLOCK_MARGIN_MS
from auditseal_search.searcher import Searcher
from auditseal_vault.directory import DirectoryVault
from tests.bench.bench_verify import TRUST, kib, make_vault
from tests.bench.delay_proxy import delayed
from tests.bench.demo_messages import A_DAY, LARGE, demo_messages, event_times
from tests.bench.steps import say, step
from tests.bench.targets import AtLeast, Below, Figures, Row, show
from tests.factory.keys import SIGNER

EVENTS = 1_000_000
OUT = Path("bench-search.json")
LATENCY = 0.02
"""Seconds, added to each request to the store."""
PAGE = 500
MOST_HITS = 1_000_000
_QUERIES = 20
_ABSENT = 50
_BUCKET = "search"

TARGETS: list[Row] = [
    ("build", "verify_microseconds", "verify, CPU µs an event, one process", None),
    ("build", "build_microseconds", "index build, verifying included, CPU µs an event", None),
    ("build", "ratio", "index build / verify, a core", AtLeast(0.25)),
    ("build", "bytes_per_event", "the index, bytes an event", Below(60)),
    ("terms", "microseconds", "index build --key on top of the build: terms and entry, CPU µs an event", None),
    ("terms", "to_build", "the same / index build, CPU", Below(1)),
    ("terms", "bytes_per_event", "the terms, bytes an event", Below(25)),
    ("terms", "absence_bytes", "a proof of absence, one segment, the largest of 50, bytes", Below(2049)),
    ("terms", "prove_seconds", "search --prove without the search, one segment, median s", None),
    ("terms", "check_milliseconds", "check-proof of that after its start, median ms", Below(150)),
    ("memory", "build_peak_mib", "index build --jobs 1, MiB", Below(512)),
    ("memory", "build_of_two_peak_mib", "index build --jobs 2, all its processes, shared pages once, MiB", Below(512)),
    ("memory", "follow_peak_mib", "index follow from nothing, MiB", Below(512)),
    ("filter", "first_seconds", "auditseal search, one actor, files not in memory, start included, s", Below(2)),
    ("filter", "warm_p95_seconds", "the same within a process, p95 s", Below(0.5)),
    ("filter", "bare_p95_seconds", "a bare DuckDB on the same files, p95 s", None),
    ("filter", "to_bare", "search / bare DuckDB, medians", Below(2)),
    ("filter", "day_by_hour_seconds", "one day counted by hour, s", Below(1)),
    ("store", "requests", "requests of a point query, index in a store 20 ms away", Below(61)),
    ("store", "seconds", "its time, s", None),
    ("pages", "hits", "hits paged by 500, one of nearly 1 MB among them", None),
    ("pages", "lost_or_twice", "hits that were lost or came twice", Below(1)),
    ("pages", "page_milliseconds", "a page, ms", None),
    ("pages", "growth_mib", "more memory from a fifth of the pages to the last, MiB", Below(32)),
    ("scan", "blocks_read", "search of one hour without an index: blocks read", None),
    ("scan", "blocks_beyond", "of these outside of the hour and ten minutes on each side", Below(1)),
    ("scan", "seconds", "its time, s", None),
]


def measure(minio: MinioNode, directory: Path, events: int) -> dict[str, Figures]:
    """Make a vault of that many events of the demo's mix in a directory, and return all figures."""
    say(f"sealing {events:,} events")
    make_vault(directory, demo_messages(events))
    figures: dict[str, Figures] = {}
    for name, run in (
        ("build", partial(_build, directory, events)),
        ("terms", partial(_terms, directory, events, figures)),
        ("memory", partial(_memory, directory, events)),
        ("filter", partial(_filter, directory, events)),
        ("store", partial(_store, directory, minio)),
        ("pages", partial(_pages, directory, events)),
        ("scan", partial(_scan, directory, events)),
    ):
        figures[name] = step(name, run)
    return figures


def _build(directory: Path, events: int) -> Figures:
    """Compare the CPU time of a build with that of a verification, each in one process."""
    (pinned,) = TRUST.logs
    with CheckPool(partial(DirectoryVault, directory / "vault"), 1) as checks:
        began = time.process_time()
        report = Verification(Request(TRUST), checks).run()
        verified = time.process_time() - began
    with RangePool(partial(DirectoryVault, directory / "vault"), 1) as pool:
        began = time.process_time()
        built = IndexBuilder(DirectoryStore(directory / "index"), pool).build(pinned)
        indexed = time.process_time() - began
    if report.exit_code or built.rows != events:
        raise RuntimeError(f"{built.rows} rows of {events} events, and verify ended with {report.exit_code}")
    return {
        "verify_microseconds": verified / events * 1e6,
        "build_microseconds": indexed / events * 1e6,
        "ratio": verified / indexed,
        "bytes_per_event": sum(path.stat().st_size for path in segments(directory)) / events,
    }


def _terms(directory: Path, events: int, figures: dict[str, Figures]) -> Figures:
    """Sign the index, and compare the CPU time with that of its build in these figures; prove that terms are absent."""
    index_key = VerifierKey("index.example.com", SIGNER.public)
    trust = replace(TRUST, indexes=(index_key,))
    store, vault = DirectoryStore(directory / "index"), DirectoryVault(directory / "vault")
    began = time.process_time()
    segments = IndexSigner(store, vault, index_key, SIGNER).sign(trust.logs[0])
    microseconds = (time.process_time() - began) / events * 1e6
    prover, sizes, proving, checking = CompletenessProver(store, vault, trust), [], [], []
    for number in range(_ABSENT):
        proof, seconds = _timed(partial(prover.prove, (Term("actor.id", f"nobody {number}"),)))
        data = proof.format()
        sizes.append(len(data))
        proving.append(seconds)
        checking.append(_timed(partial(_check_completeness, data, trust))[1])
    return {
        "microseconds": microseconds,
        "to_build": microseconds / figures["build"]["build_microseconds"],
        "bytes_per_event": sum(path.stat().st_size for path in (directory / "index").rglob("*.terms")) / events,
        "absence_bytes": max(sizes) / segments,
        "prove_seconds": median(proving) / segments,
        "check_milliseconds": median(checking) * 1000,
    }


def _check_completeness(data: bytes, trust: Trust) -> None:
    CompletenessProof.parse(data).check(trust)


def _memory(directory: Path, events: int) -> Figures:
    """Return the peaks of the commands that index, each into a directory of its own."""
    options = ["--trust", str(directory / "trust.txt"), "--index"]
    follow = [*options, str(directory / "by-follow"), "--every", "1"]
    figures = {}
    for jobs, name, peak in (("1", "build_peak_mib", _resident), ("2", "build_of_two_peak_mib", _proportional)):
        build = [*options, str(directory / f"by-{jobs}"), "--jobs", jobs]
        figures[name] = _peak_mib(["index", "build", *build], lambda: False, peak)
    covered = partial(_covers, directory / "by-follow", events)
    return figures | {"follow_peak_mib": _peak_mib(["index", "follow", *follow], covered, _resident)}


def _covers(index: Path, events: int) -> bool:
    found = list(index.rglob("manifest.json"))
    return bool(found) and sum(one["rows"] for one in json.loads(found[0].read_text())["segments"]) == events


def _resident(pids: list[int]) -> int:
    """Return the peaks of processes so far, as the kernel keeps them, added up: what they share counts in each, KiB."""
    return sum(kib(pid, "status", "VmHWM:") for pid in pids)


def _proportional(pids: list[int]) -> int:
    """Return what processes hold now, with the pages that they share counted once, in KiB."""
    return sum(kib(pid, "smaps_rollup", "Pss:") for pid in pids)


def _peak_mib(words: list[str], is_done: Callable[[], bool], measure: Callable[[list[int]], int]) -> float:
    """Return the most that a command's processes held, by ten looks a second; stop it when it is done."""
    peak = 0
    with subprocess.Popen(
        [sys.executable, "-m", "auditseal", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        command = psutil.Process(process.pid)
        while process.poll() is None:
            peak = max(peak, measure(_pids(command)))
            if is_done():
                process.terminate()
                process.wait()
            time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f"auditseal {' '.join(words)} ended with {process.returncode}")
    return peak / 1024


def _pids(command: psutil.Process) -> list[int]:
    try:
        return [command.pid, *(child.pid for child in command.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _filter(directory: Path, events: int) -> Figures:
    drop_from_memory(directory)
    words = ["search", "actor = u-0123", "--trust", str(directory / "trust.txt"), "--index", str(directory / "index")]
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "auditseal", *words], check=True, stdout=subprocess.DEVNULL)
    first = time.perf_counter() - began
    ours, bare = list[float](), list[float]()
    for number in range(_QUERIES):
        actor = f"u-{number * 17 % 400:04}"
        found, seconds = _timed(partial(_search, directory, f"actor = {actor}"))
        ours.append(seconds)
        same, seconds = _timed(partial(_bare_search, directory, actor))
        bare.append(seconds)
        if found != same:
            raise RuntimeError(f"{actor}: search and DuckDB differ")
    began_at, _ = event_times(events)
    day = f"time >= {began_at:%Y-%m-%d} and time < {began_at + timedelta(days=1):%Y-%m-%d}"
    with _searcher(directory, day) as searcher:
        bars, seconds = _timed(partial(searcher.histogram, "hour"))
    if sum(number for _, number in bars) != min(events, A_DAY):
        raise RuntimeError(f"the day has other events than its hours: {bars}")
    return {
        "first_seconds": first,
        "warm_p95_seconds": _p95(ours),
        "bare_p95_seconds": _p95(bare),
        "to_bare": median(ours) / median(bare),
        "day_by_hour_seconds": seconds,
    }


def _search(directory: Path, query: str) -> tuple[int, list[int]]:
    """Search as the command does: the number of hits, and the offsets of the newest 50."""
    with _searcher(directory, query) as searcher:
        hits = [hit["offset"] for hit in searcher.hits(limit=50)]
        return searcher.count(), hits


def _bare_search(directory: Path, actor: str) -> tuple[int, list[int]]:
    files = [str(path) for path in segments(directory)]
    with duckdb.connect() as connection:
        rows = connection.read_parquet(files).filter(f"actor_id = '{actor}'")
        newest = rows.order("timestamp DESC, height DESC, index DESC").limit(50).to_arrow_table()
        ((count,),) = rows.count("*").fetchall()
        return int(count), newest["offset"].to_pylist()


@contextmanager
def _searcher(directory: Path, query: str, index: str | None = None) -> Iterator[Searcher]:
    place = str(directory / "index") if index is None else index
    found = gather_rows(parse_query(query, datetime.now(UTC)), directory / "trust.txt", None, place)
    if found.account.exit_code:
        raise RuntimeError("; ".join(found.account.lines()))
    with found.searcher() as searcher:
        yield searcher


def _store(directory: Path, minio: MinioNode) -> Figures:
    """Count the requests that finding one event by its id takes, with the index in a bucket."""
    environment = minio.client_environment()
    minio.make_bucket(_BUCKET)
    with patch.dict(os.environ, environment), delayed(minio.ports["api"], LATENCY) as proxy:
        store = open_index(f"s3://{_BUCKET}/?endpoint=http://127.0.0.1:{minio.ports['api']}")
        for path in (directory / "index").rglob("*"):
            if path.is_file():
                store.store(path.relative_to(directory / "index").as_posix(), path)
        (event_id,) = duckdb.sql(
            f"SELECT event_id FROM read_parquet({list(map(str, segments(directory)))}) WHERE action = '{LARGE}'"
        ).fetchall()[0]
        url = f"s3://{_BUCKET}/?endpoint=http://127.0.0.1:{proxy.port}"
        before, began = proxy.requests(), time.perf_counter()
        with _searcher(directory, f"event_id = {event_id}", url) as searcher:
            (hit,) = searcher.hits(limit=50)
            if searcher.count() != 1 or hit["action"] != LARGE:
                raise RuntimeError("the event wasn't found")
        return {"requests": proxy.requests() - before, "seconds": time.perf_counter() - began}


def _pages(directory: Path, events: int) -> Figures:
    """Read page after page of the million events around the large one; each must come once, in order."""
    hits = events if events < A_DAY else min(events // 10, MOST_HITS)
    first = (events - hits) // 2
    query = f"offset >= {first} and offset < {first + hits}"
    found, breaks, expected, large, memory = 0, 0, first + hits - 1, 0, list[float]()
    with _searcher(directory, query) as searcher:
        began, cursor = time.perf_counter(), None
        while True:
            page = list(searcher.hits(limit=PAGE, after=cursor))
            if not page:
                break
            for hit in page:  # which aren't kept: a million of them would be the memory that is measured
                breaks += hit["offset"] != expected
                expected = hit["offset"] - 1
                large += hit["action"] == LARGE
            found += len(page)
            cursor = Cursor.of(page[-1])
            memory.append(psutil.Process().memory_info().rss / (1 << 20))
        seconds = time.perf_counter() - began
    return {
        "hits": found,
        "lost_or_twice": breaks + abs(hits - found) + (large != 1),
        "page_milliseconds": seconds / len(memory) * 1000,
        "growth_mib": memory[-1] - memory[len(memory) // 5],
    }


def _scan(directory: Path, events: int) -> Figures:
    """Search an hour without an index, and count the blocks read that hold nothing of it."""
    began_at, ended_at = event_times(events)
    start = began_at + (ended_at - began_at) / 2
    query = f"time >= {start:%Y-%m-%dT%H:%M:%SZ} and time < {start + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
    began = time.perf_counter()
    found = gather_rows(parse_query(query, datetime.now(UTC)), directory / "trust.txt", None, None)
    with found.searcher() as searcher:
        count = searcher.count()
    seconds = time.perf_counter() - began
    least = start.timestamp() * 1000 - CLOCK_MARGIN_MS
    most = (start + timedelta(hours=1)).timestamp() * 1000 + CLOCK_MARGIN_MS
    wanted = sum(
        header.max_timestamp >= least and header.min_timestamp <= most
        for header in _headers(directory)
        if header.max_timestamp is not None and header.min_timestamp is not None
    )
    if not count or found.account.exit_code:
        raise RuntimeError(f"{count} hits, exit code {found.account.exit_code}")
    read = sum(log.coverage.read for log in found.logs)
    return {"blocks_read": read, "blocks_beyond": read - wanted, "seconds": seconds}


def _headers(directory: Path) -> Iterator[Header]:
    vault = DirectoryVault(directory / "vault")
    for listed in vault.versions("v1/"):
        yield Block.parse(vault.read(listed.key, listed.version_id)).header


def drop_from_memory(directory: Path) -> None:
    """Have the kernel read the index's files from the disk again."""
    for path in segments(directory):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def segments(directory: Path) -> list[Path]:
    """Return the index's files."""
    return sorted((directory / "index").rglob("*.parquet"))


def _timed(run: Callable[[], Any]) -> tuple[Any, float]:
    began = time.perf_counter()
    found = run()
    return found, time.perf_counter() - began


def _p95(seconds: list[float]) -> float:
    return sorted(seconds)[int(len(seconds) * 0.95) - 1]


def main(events: int, directory: Path | None = None) -> int:
    """Measure, print, write; return 1 where a target is missed. Vault and index stay in the directory, if there is one.

    Args:
        events: How many.
        directory: A new directory for vault and index; they go to a temporary one unless given.
    """
    with (
        tempfile.TemporaryDirectory(prefix="auditseal-bench-") as name,
        MinioNode(Path(name) / "minio") as minio,
    ):
        figures = measure(minio, directory or Path(name) / "search", events)
    OUT.write_text(json.dumps({"machine": platform.platform(), "events": events, "figures": figures}, indent=2) + "\n")
    code = show(TARGETS, figures)
    say(f"written to {OUT}")
    return code


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS, *map(Path, sys.argv[2:])))
