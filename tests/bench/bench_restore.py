"""How long a restore takes: a copy of many small blocks in a bucket, replicated into a new bucket and verified there.

`python -m tests.bench.bench_restore BLOCKS` prints the figures as JSON. Next to them it measures what the new bucket's
store takes for bare locked writes by as many writers, since that is the floor of a restore.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from auditseal_local.minio import MinioNode
from auditseal_vault.open import open_vault
from tests.bench.bench_reader import linked_blocks, store
from tests.bench.bench_verify import KEY

BLOCKS = 100_000
MOST_SECONDS = 300.0
_WRITERS = 16
_BARE = 2_000
"""Bare writes that the floor is measured by."""
_COPY, _RESTORED = "copy", "restored"


def measure(minio: MinioNode, directory: Path, blocks: int = BLOCKS) -> dict[str, float]:
    """Return the seconds of a restore, of the check after it, and of as many bare locked writes."""
    os.environ.update(minio.client_environment())
    for bucket in (_COPY, _RESTORED):
        minio.make_bucket(bucket)
    store(open_vault(minio.vault_url(_COPY)), linked_blocks(blocks), _WRITERS)
    restored, began = open_vault(minio.vault_url(_RESTORED)), time.perf_counter()
    store(restored, ((f"bare/{number}", bytes(1000)) for number in range(_BARE)), _WRITERS)
    bare = time.perf_counter() - began
    trust = directory / "trust.txt"
    trust.write_text(f"log {KEY}\n")
    restore = _run("replicate", trust, minio.vault_url(_COPY), "--to", minio.vault_url(_RESTORED))
    verify = _run("verify", trust, minio.vault_url(_RESTORED))
    floor = bare / _BARE * blocks
    return {
        "blocks": blocks,
        "restore_seconds": restore,
        "verify_seconds": verify,
        "bare_writes_seconds": floor,
        "restore_to_bare_writes": restore / floor,
    }


def _run(command: str, trust: Path, vault: str, *arguments: str) -> float:
    began = time.perf_counter()
    words = [sys.executable, "-m", "auditseal", command, "--trust", str(trust), "--vault", vault, *arguments]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, MinioNode(Path(scratch) / "minio") as node:
        figures = measure(node, Path(scratch), *map(int, sys.argv[1:]))
    print(json.dumps(figures, indent=2))
    sys.exit(figures["restore_seconds"] + figures["verify_seconds"] > MOST_SECONDS)
