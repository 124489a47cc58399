"""How fast many small blocks are read and verified, from a store that is far away and from a directory.

Run as a command (`make bench-reader`), it measures this alone and prints it as JSON.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain, repeat
from pathlib import Path

from auditseal_local.minio import MinioNode
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.log import LogState
from auditseal_vault.interface import NewObject, StoredObject, Vault
from auditseal_vault.open import open_reader, open_vault
from tests.bench.bench_verify import KEY, ORIGIN, SIGNER, kib, varied_messages
from tests.bench.delay_proxy import delayed

BLOCKS = 2_000
"""In the store, of one record each."""
FILES = 100_000
"""In the directory."""
LATENCY = 0.02
"""Seconds, added to each request."""
MOST_SECONDS = 2.0
LEAST_RATE = 1_500
MOST_GROWTH_MIB = 16
_BEST_OF = 3
_BUCKET, _BUCKET_OF_ONE = "reader", "reader-one"


def measure(minio: MinioNode, directory: Path, files: int = FILES) -> dict[str, float]:
    """Return the figures: seconds and blocks/s are the best of three, by the clock.

    `read_…` is `read_many` of all blocks of a store with 20 ms of latency, one process; `verify_seconds` is the whole
    command `auditseal verify` on the same, start and end included; `start_…` is that command on one block.
    `directory_…` is `read_many` of the directory.
    `…_cpu_microseconds` is the reader's CPU time for one block, listing included. `read_growth_mib` is how much more
    memory reading the blocks ten times takes.
    """
    directory.mkdir(parents=True, exist_ok=True)
    os.environ.update(minio.client_environment())
    for bucket, blocks in ((_BUCKET, BLOCKS), (_BUCKET_OF_ONE, 1)):
        minio.make_bucket(bucket)
        store(open_vault(minio.vault_url(bucket)), linked_blocks(blocks))
    with delayed(minio.ports["api"], LATENCY) as proxy:
        url, url_of_one = (
            f"s3://{bucket}/?endpoint=http://127.0.0.1:{proxy.port}" for bucket in (_BUCKET, _BUCKET_OF_ONE)
        )
        reads = [_read(url, 1) for _ in range(_BEST_OF)]
        long = _read(url, 10)
        started = [_verify(directory, url_of_one) for _ in range(_BEST_OF)]
        verified = [_verify(directory, url) for _ in range(_BEST_OF)]
    _fill(directory / "vault", files)
    local = _read((directory / "vault").as_uri(), 1)
    best = min(read["seconds"] for read in reads)
    return {
        "blocks": BLOCKS,
        "latency_seconds": LATENCY,
        "read_blocks_per_second": BLOCKS / best,
        "read_cpu_microseconds": min(read["cpu_microseconds"] for read in reads),
        "read_peak_mib": long["peak_mib"],
        "read_growth_mib": long["peak_mib"] - max(read["peak_mib"] for read in reads),
        "start_seconds": min(seconds for seconds, _ in started),
        "start_cpu_seconds": min(cpu for _, cpu in started),
        "verify_seconds": min(seconds for seconds, _ in verified),
        "verify_cpu_microseconds": min(cpu for _, cpu in verified) / BLOCKS * 1e6,
        "directory_files": files,
        "directory_blocks_per_second": files / local["seconds"],
        "directory_cpu_microseconds": local["cpu_microseconds"],
        "directory_peak_mib": local["peak_mib"],
    }


def linked_blocks(count: int) -> Iterator[tuple[str, bytes]]:
    """Yield keys and contents of blocks of one record each."""
    state = LogState.genesis(ORIGIN, (KEY,))
    for message in varied_messages(count):
        draft = BlockDraft(state, BlockLimits())
        draft.extend([message])
        block = draft.seal(SourceIdentity("C", "T", 1, 0), [SIGNER], now=time.time_ns() // 1000, sealer="bench/1")
        state = LogState.after(block, (KEY,))
        yield ORIGIN.block_key(block.header.height), block.format()


def store(vault: Vault, objects: Iterable[tuple[str, bytes]]) -> None:
    """Store keys and contents in a vault, locked for a day."""
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    vault.put_many(NewObject(key, data, until) for key, data in objects)


def _fill(root: Path, files: int) -> None:
    """Write files without syncing each, of the size of the store's blocks."""
    ((_, data),) = linked_blocks(1)
    (root / ORIGIN.blocks_prefix).mkdir(parents=True)
    for height in range(files):
        (root / ORIGIN.block_key(height)).write_bytes(data)


def _read(url: str, times: int) -> dict[str, float]:
    """Read all blocks that many times in a process of its own, and return what it measured."""
    command = [sys.executable, "-m", "tests.bench.bench_reader", "read", url, str(times)]
    figures: dict[str, float] = json.loads(subprocess.check_output(command))
    return figures


def _verify(folder: Path, url: str) -> tuple[float, float]:
    """Run `auditseal verify`, and return its seconds and the CPU seconds of all its processes.

    Python keeps the bytecode of modules, as it does where nothing else is asked for: the first run compiles them. An
    environment with `PYTHONDONTWRITEBYTECODE` that never wrote any compiles them at each start.
    """
    trust = folder / "trust.txt"
    trust.write_text(f"log {KEY}\nvault {url}\n")
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [sys.executable, "-m", "auditseal", "verify", "--trust", str(trust)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | kept)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _read_here(url: str, times: int) -> dict[str, float]:
    reader = open_reader(url)
    began, cpu = time.perf_counter(), time.process_time()
    read = 0
    for found in reader.read_many(chain.from_iterable(reader.versions("v1/") for _ in repeat(None, times))):
        assert isinstance(found, StoredObject)
        assert found.data
        read += 1
    return {
        "seconds": time.perf_counter() - began,
        "cpu_microseconds": (time.process_time() - cpu) / read * 1e6,
        "peak_mib": kib(os.getpid(), "status", "VmHWM:") / 1024,
    }


def _main(arguments: list[str]) -> int:
    if arguments:
        _, url, times = arguments
        print(json.dumps(_read_here(url, int(times))))
        return 0
    with (
        tempfile.TemporaryDirectory(prefix="auditseal-bench-") as name,
        MinioNode(Path(name) / "minio") as minio,
    ):
        figures = measure(minio, Path(name) / "reader")
    print(json.dumps(figures, indent=2))
    return 0 if figures["verify_seconds"] < MOST_SECONDS and figures["read_blocks_per_second"] > LEAST_RATE else 1


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
