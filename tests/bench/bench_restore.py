"""How long a restore takes: a copy of many small blocks, replicated into a new bucket and verified there.

`python -m tests.bench.bench_restore BLOCKS [DIRECTORY [bucket|directory]]` prints the figures as JSON, for a copy in a
bucket and one in a directory. DIRECTORY keeps both for further runs, since making them takes longer than a restore. The
floor of a restore is what the new bucket's store takes for bare locked writes, which it measures as well. It fails if a
block is lost or the restore, with the verification after it, takes longer than five minutes.
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


def measure(minio: MinioNode, directory: Path, blocks: int, kind: str) -> dict[str, float]:
    """Return the seconds of a restore, of the check after it and of as many bare writes, and its lost blocks.

    Args:
        minio: Has the new bucket, and the copy if that is one.
        directory: Has the copy otherwise.
        blocks: How many the copy has; it is made if it is not there.
        kind: The copy's place, one of `KINDS`.
    """
    os.environ.update(minio.client_environment())
    copy = KINDS[kind](minio, directory, blocks)
    target = f"restored-{time.time_ns()}"
    minio.make_bucket(target)
    restored, began = open_vault(minio.vault_url(target)), time.perf_counter()
    store(restored, ((f"bare/{number}", bytes(1000)) for number in range(_BARE)))
    bare = time.perf_counter() - began
    trust = directory / "trust.txt"
    trust.write_text(f"log {KEY}\n")
    restore, _ = _run("replicate", trust, copy, "--to", minio.vault_url(target), "--retention-days", "1")
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


def _bucket(minio: MinioNode, _directory: Path, blocks: int) -> str:
    """Return the URL of a copy in a bucket."""
    url = minio.vault_url(_COPY)
    if _COPY not in {bucket["Name"] for bucket in minio.s3().list_buckets()["Buckets"]}:
        minio.make_bucket(_COPY)
        store(open_vault(url), linked_blocks(blocks))
    return url


def _directory(_minio: MinioNode, directory: Path, blocks: int) -> str:
    """Return the URL of a copy in a directory."""
    copy = directory / _COPY
    if not copy.exists():
        copy.mkdir()
        store(open_vault(copy.as_uri()), linked_blocks(blocks))
    return copy.as_uri()


KINDS = {"bucket": _bucket, "directory": _directory}
"""Where the copy may be."""


def _run(command: str, trust: Path, vault: str, *arguments: str) -> tuple[float, Any]:
    """Run a command that has to succeed; return its seconds and its answer."""
    began = time.perf_counter()
    words = [sys.executable, "-m", "auditseal", command, "--trust", str(trust), "--vault", vault, "--json", *arguments]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE)
    return time.perf_counter() - began, json.loads(done.stdout)


def _main(blocks: str = "100000", directory: str = "", *kinds: str) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(directory or scratch)
        with MinioNode(folder / "minio") as minio:
            found = {kind: measure(minio, folder, int(blocks), kind) for kind in kinds or KINDS}
    print(json.dumps(found, indent=2))
    return int(any(each["lost_blocks"] or _seconds(each) > MOST_SECONDS for each in found.values()))


def _seconds(figures: dict[str, float]) -> float:
    return figures["restore_seconds"] + figures["verify_seconds"]


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
