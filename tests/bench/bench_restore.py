"""How long a restore takes: a copy of many small blocks in a bucket, replicated into a new bucket and verified there.

`python -m tests.bench.bench_restore BLOCKS` prints the figures as JSON. Next to them it measures what the new bucket's
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

BLOCKS = 100_000
MOST_SECONDS = 300.0
_BARE = 2_000
"""Bare writes that the floor is measured by."""
_COPY, _RESTORED = "copy", "restored"


def measure(minio: MinioNode, directory: Path, blocks: int = BLOCKS) -> dict[str, float]:
    """Return the seconds of a restore, of the check after it and of as many bare writes, and its lost blocks."""
    os.environ.update(minio.client_environment())
    for bucket in (_COPY, _RESTORED):
        minio.make_bucket(bucket)
    store(open_vault(minio.vault_url(_COPY)), linked_blocks(blocks))
    restored, began = open_vault(minio.vault_url(_RESTORED)), time.perf_counter()
    store(restored, ((f"bare/{number}", bytes(1000)) for number in range(_BARE)))
    bare = time.perf_counter() - began
    trust = directory / "trust.txt"
    trust.write_text(f"log {KEY}\n")
    restore, _ = _run("replicate", trust, minio.vault_url(_COPY), "--to", minio.vault_url(_RESTORED))
    verify, report = _run("verify", trust, minio.vault_url(_RESTORED))
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


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch, MinioNode(Path(scratch) / "minio") as node:
        figures = measure(node, Path(scratch), *map(int, sys.argv[1:]))
    print(json.dumps(figures, indent=2))
    took = figures["restore_seconds"] + figures["verify_seconds"]
    sys.exit(took > MOST_SECONDS or figures["lost_blocks"] > 0)
