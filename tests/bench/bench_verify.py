"""How fast a vault is verified: whole and quick, on one core and on two, next to the least that any verifier must do.

Run as a command (`make bench-verify`), it measures the memory alone, of a vault of that many records and of one of a
tenth: does it grow?
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path

import psutil
from uuid_utils import uuid7

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.report import Report
from auditseal_auditor.request import Request
from auditseal_auditor.verification import Verification
from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_parts import Source, Stream
from auditseal_schemas.header import TIMESTAMP_CREATE
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_vault.directory import DirectoryVault
from tests.bench.bench_record import varied_fields
from tests.factory.messages import Message

RECORDS = 1_000_000
MOST_MIB = 300
MOST_GROWTH = 1.25  # from a tenth of the records to all of them
ORIGIN = Origin("bench.example", "audit.events", 0, 0)
SIGNER = SigningKey.from_seed(bytes(range(32)))
KEY = VerifierKey(str(ORIGIN), SIGNER.public)
TRUST = Trust((PinnedLog(ORIGIN, (KEY,)),))
_BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
_BEST_OF = 2


def measure(directory: Path, records: int = RECORDS) -> dict[str, float]:
    """Make a vault of that many varied events in a directory, verify it, and return the figures.

    Rates are records/s: `floor_…` reads, inflates and takes one SHA-256 of each record's length, on one core;
    `full_…` and `quick_…` verify with so many processes; `…_per_cpu_second` is by the processor's clock, with one,
    whatever else the machine does. The memory is `_peaks`'.
    """
    make_vault(directory, varied_messages(records))
    objects = sorted(directory.rglob("*.avro"))
    figures = {
        "records": float(records),
        "object_bytes": float(sum(path.stat().st_size for path in objects)),
        "floor_records_per_second": rate(records, partial(_floor, objects)),
    }
    for jobs in (1, 2):
        for name, quick in (("full", False), ("quick", True)):
            run = partial(verify, directory, jobs, quick=quick)
            figures[f"{name}_records_per_second_{jobs}"] = rate(records, run)
    for name, quick in (("full", False), ("quick", True)):
        run = partial(verify, directory, 1, quick=quick)
        figures[f"{name}_records_per_cpu_second"] = rate(records, run, clock=time.process_time)
    rates = [figures[f"full_records_per_second_{jobs}"] for jobs in (1, 2)]
    return figures | {"part_of_linear": rates[1] / (2 * rates[0])} | _peaks(directory)


def make_vault(directory: Path, messages: Iterator[Message]) -> None:
    """Seal messages into a directory vault; `trust.txt` next to it pins the log."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "trust.txt").write_text(f"log {KEY}\nvault {(directory / 'vault').as_uri()}\n")
    (directory / "vault").mkdir(exist_ok=True)
    vault, state = DirectoryVault(directory / "vault"), LogState.genesis(ORIGIN, (KEY,))
    while batch := list(islice(messages, BlockLimits().records)):
        while batch:
            draft = BlockDraft(state, BlockLimits())
            batch = batch[draft.extend(batch) :]
            block = draft.seal(SourceIdentity("C", "T", 1, 0), [SIGNER], now=time.time_ns() // 1000, sealer="bench/1")
            state = LogState.after(block, (KEY,))
            vault.put(ORIGIN.block_key(block.header.height), block.format(), _BEGAN)


def varied_messages(records: int) -> Iterator[Message]:
    """Yield Kafka messages with events that compress as real ones do."""
    source, began = Source(service="bench", environment="bench"), int(_BEGAN.timestamp() * 1000)
    for number, fields in enumerate(varied_fields(records)):
        occurred = _BEGAN + timedelta(microseconds=37 * number)
        named: EventFields = {**fields, "event_id": str(uuid7()), "occurred_at": occurred}
        event = AuditEvent(source=source, stream=Stream(id="bench", sequence=number), **named)
        yield Message(number, encode_event(event), event.actor.id.encode(), [], began + number // 20, TIMESTAMP_CREATE)


def verify(directory: Path, jobs: int, *, quick: bool, trust: Trust = TRUST) -> None:
    """Verify the vault in a directory, in that many processes. By default its log is the one of `make_vault`."""
    with CheckPool(partial(DirectoryVault, directory / "vault"), jobs) as pool:
        report: Report = Verification(Request(trust, quick=quick), pool).run()
    if report.exit_code:
        raise RuntimeError(f"the untouched vault didn't verify: {report.kept_findings}")


def _floor(objects: list[Path]) -> None:
    for path in objects:
        block = Block.parse(path.read_bytes())
        for count, content in block.inflated_chunks():
            length = len(content) // count
            for start in range(0, length * count, length):
                sha256(content[start : start + length]).digest()


def rate(records: int, run: Callable[[], None], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return records/s of the best of a few runs: other load of the machine isn't measured."""
    seconds = []
    for _ in range(_BEST_OF):
        began = clock()
        run()
        seconds.append(clock() - began)
    return records / min(seconds)


def _peaks(directory: Path) -> dict[str, float]:
    """Return the most memory that `auditseal verify --jobs 2` holds with its processes."""
    return peaks_of(["verify", "--trust", str(directory / "trust.txt"), "--jobs", "2"])


def peaks_of(arguments: Sequence[str]) -> dict[str, float]:
    """Return the most memory that a command of auditseal holds with its processes.

    `peak_mib` adds up each process's own peak as the kernel keeps it (VmHWM), whenever that was, and counts pages that
    they share in each: the true peak of them all is lower, never higher. `peak_pss_mib` counts shared pages once, and
    is the highest of ten looks a second.
    """
    peaks: dict[int, int] = {}
    shared_once = 0
    with subprocess.Popen([sys.executable, "-m", "auditseal", *arguments], stdout=subprocess.DEVNULL) as process:
        parent = psutil.Process(process.pid)
        while process.poll() is None:
            proportional = 0
            for pid in _pids(parent):
                peaks[pid] = max(peaks.get(pid, 0), kib(pid, "status", "VmHWM:"))
                proportional += kib(pid, "smaps_rollup", "Pss:")
            shared_once = max(shared_once, proportional)
            time.sleep(0.1)
    if process.returncode:
        raise RuntimeError(f"auditseal {arguments[0]} ended with {process.returncode}")
    return {"peak_mib": sum(peaks.values()) / 1024, "peak_pss_mib": shared_once / 1024}


def _pids(parent: psutil.Process) -> list[int]:
    try:
        return [parent.pid, *(child.pid for child in parent.children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def kib(pid: int, file: str, field: str) -> int:
    """Return a field of /proc/<pid>/<file>, in KiB; 0 of a process that has ended."""
    try:
        lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(field)), 0)


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a process until now, without that of its children."""
    user, system, *_ = psutil.Process(pid).cpu_times()
    return float(user + system)


def _main(records: int) -> int:
    """Print the memory at a tenth of the records and at all of them; return 1 where a target is missed."""
    peaks = []
    for size in (records // 10, records):
        with tempfile.TemporaryDirectory(prefix="auditseal-bench-") as name:
            print(f"sealing {size:,} records", file=sys.stderr, flush=True)
            make_vault(Path(name), varied_messages(size))
            print(f"verifying {size:,} records", file=sys.stderr, flush=True)
            began = time.perf_counter()
            figures = _peaks(Path(name))
            seconds = time.perf_counter() - began
        print(
            f"{size:>12,} records: {figures['peak_mib']:.0f} MiB (all processes' peaks added up; target < {MOST_MIB}),"
            f" {figures['peak_pss_mib']:.0f} MiB with shared pages counted once; {seconds:.0f} s"
        )
        peaks.append(figures["peak_mib"])
    growth = peaks[1] / peaks[0]
    print(f"ten times the records take {growth:.2f} times the memory (target < {MOST_GROWTH})")
    return 0 if max(peaks) < MOST_MIB and growth < MOST_GROWTH else 1


if __name__ == "__main__":
    sys.exit(_main(int(sys.argv[1])))
