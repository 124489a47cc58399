"""How long a restore takes: a copy of many small blocks in a bucket, replicated into a new bucket and verified there.

`python -m tests.bench.bench_restore BLOCKS [DIRECTORY]` prints the figures as JSON. The directory keeps the copy for
further runs, since making it takes longer than a restore. Next to them it measures what the new bucket's
store takes for bare locked writes, since that is the floor of a restore. It fails if a block is lost or the restore,
with the verification after it, takes longer than five minutes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from auditseal_local.minio import MinioNode
from auditseal_vault.open import open_vault
from tests.bench.bench_reader import linked_blocks, store
from tests.bench.bench_verify import KEY

MOST_SECONDS = 300.0
_BARE = 2_000
"""Bare writes that the floor is measured by."""
_COPY = "copy"


def measure(minio: MinioNode, directory: Path, blocks: int) -> dict[str, float]:
    """Return the seconds of a restore, of the check after it and of as many bare writes, and its lost blocks."""
    os.environ.update(minio.client_environment())
    if _COPY not in {bucket["Name"] for bucket in minio.s3().list_buckets()["Buckets"]}:
        minio.make_bucket(_COPY)
        store(open_vault(minio.vault_url(_COPY)), linked_blocks(blocks))
    target = f"restored-{time.time_ns()}"
    minio.make_bucket(target)
    restored, began = open_vault(minio.vault_url(target)), time.perf_counter()
    store(restored, ((f"bare/{number}", bytes(1000)) for number in range(_BARE)))
    bare = time.perf_counter() - began
    trust = directory / "trust.txt"
    trust.write_text(f"log {KEY}\n")
    restore, _ = _run("replicate", trust, minio.vault_url(_COPY), "--to", minio.vault_url(target))
    verify, report = _run("verify", trust, minio.vault_url(target))
    floor = bare / _BARE * blocks
    return {
        "blocks": blocks,
        "lost_blocks": blocks - report["logs"][0]["blocks"],
        "restore_seconds": restore,
        "verify_seconds": verify,
        "bare_writes_seconds": floor,
        "restore_to_bare_writes": restore / floor,
    }


def _run(command: str, trust: Path, vault: str, *arguments: str) -> tuple[float, Any]:
    """Run a command that has to succeed; return its seconds and its answer."""
    began = time.perf_counter()
    words = [sys.executable, "-m", "auditseal", command, "--trust", str(trust), "--vault", vault, "--json", *arguments]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - began, json.loads(done.stdout)


def _main(blocks: str = "100000", directory: str = "") -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(directory or scratch)
        with MinioNode(folder / "minio") as minio:
            figures = measure(minio, folder, int(blocks))
    print(json.dumps(figures, indent=2))
    took = figures["restore_seconds"] + figures["verify_seconds"]
    return 1 if took > MOST_SECONDS or figures["lost_blocks"] else 0


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
