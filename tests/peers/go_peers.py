"""Tessera and immudb, which are Go libraries: two programs of ours, built once, add the events to each."""

import json
import shutil
import subprocess
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from auditseal_local.cache import cache_dir, exclusive
from auditseal_local.go_toolchain import find_go, go_environment
from auditseal_local.job import run_logged
from auditseal_local.progress import Progress, silent
from tests.peers.peer import Peer, Result

_SOURCE = Path(__file__).parent / "programs"
_COMMANDS = ("tessera_log", "immudb_store")
_TESSERA = "1.0.4"
_IMMUDB = "1.9.5"
_LOG = {
    "version": _TESSERA,
    "does": "publishes tiles that any client of C2SP tlog-tiles reads; answers each Add with its index",
    "leaves_out": "Kafka, exactly-once, Object Lock",
    "compared_with": "sealer",
}
_STORE = {
    "version": _IMMUDB,
    "does": "syncs each commit to the disk before it returns; reads any key at any time",
    "leaves_out": "Kafka, signed heads in this embedded form, Object Lock",
    "compared_with": "sealer",
}
PLANS: dict[Peer, tuple[str, Sequence[str]]] = {
    Peer("Tessera, POSIX", settings="defaults: batches of 256 or 250 ms", **_LOG): ("tessera_log", ()),
    Peer("Tessera, POSIX, tuned", settings="batches of 4,096, 65,536 entries outstanding", **_LOG): (
        "tessera_log",
        ("-batch", "4096", "-outstanding", "65536"),
    ),
    Peer(
        "immudb embedded", settings="synced, 50 committers of 1,000 events, no index (its README and guide)", **_STORE
    ): ("immudb_store", ("-batch", "1000", "-committers", "50")),
    Peer("immudb embedded, single events", settings="synced, 1,000 committers of 1 event, no index", **_STORE): (
        "immudb_store",
        ("-batch", "1", "-committers", "1000"),
    ),
}
"""Each peer, the program that runs it, and its arguments."""


def measure(events: Path, directory: Path, progress: Progress) -> list[Result]:
    """Return the rate of each, in a new directory."""
    folder = binaries(progress)
    results = []
    for number, (peer, (program, arguments)) in enumerate(PLANS.items()):
        progress(f"measuring {peer.name}")
        target = directory / str(number)
        target.mkdir(parents=True)
        command = [str(folder / program), "-events", str(events), "-directory", str(target / "data"), *arguments]
        said = json.loads(subprocess.run(command, check=True, capture_output=True, timeout=900).stdout)
        results.append(Result(peer, int(said["events"]), said["events"] / said["seconds"]))
        shutil.rmtree(target)
    return results


def binaries(progress: Progress) -> Path:
    """Return the folder of the built programs; `go.sum` pins every module that they are built from."""
    sources = sorted(path for path in _SOURCE.rglob("*") if path.is_file())
    tag = sha256(b"\0".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    folder = cache_dir() / f"peers-{tag}"
    with exclusive(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            progress("building Tessera's and immudb's programs from source (once)")
            _build(folder)
    return folder


def _build(folder: Path) -> None:
    work = folder.with_name(f"{folder.name}-work")
    (work / "built").mkdir(parents=True, exist_ok=True)
    go = find_go(silent)
    command = [go, "build", "-C", str(_SOURCE), "-trimpath", "-o", f"{work / 'built'}/"]
    command += [f"./{name}" for name in _COMMANDS]
    run_logged(command, work / "log", go_environment(go, work), silent)
    (work / "built").rename(folder)
    shutil.rmtree(work)
