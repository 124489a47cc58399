"""Verify the logs of a vault on Spark: `python examples/verify_on_spark.py TRUST_FILE VAULT_URL`.

Each task reads a run of blocks from the vault and does all that one block alone allows. The driver links their heads:
that is small, and has to be done in order. Executors need the package auditseal[search], of the driver's version.
"""

import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from pyspark.sql import SparkSession

from auditseal_schemas.block import Block
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_search.verified_range import ChainCheck, Fault, read_range
from auditseal_vault.head import head_height
from auditseal_vault.thread_reader import ReaderAt, thread_reader

Checked = tuple[tuple[Block, ...], int, Fault | None]
BLOCKS = 8
"""Of a task."""


def check(at: ReaderAt, pinned: PinnedLog, first: int, head: int) -> Checked:
    """Return the heads and the number of records of a run of blocks, and the fault at which it ends, if any."""
    found = read_range(thread_reader(at), pinned, range(first, min(first + BLOCKS, head + 1)))
    return found.heads, len(found.rows), found.fault


def checked_runs(spark: SparkSession, at: ReaderAt, pinned: PinnedLog) -> Iterator[Checked]:
    """Yield the runs of a log's blocks in order, checked by Spark."""
    head = head_height(at(), pinned.origin)
    if head is None:
        return
    starts = range(pinned.start.height if pinned.start else 0, head + 1, BLOCKS)
    tasks = spark.sparkContext.parallelize(starts, len(starts))
    yield from tasks.map(partial(check, at, pinned, head=head)).toLocalIterator(prefetchPartitions=True)


def main(trust_file: str, vault_url: str) -> int:
    """Verify all pinned logs, print a line for each, and return 1 where one is at fault.

    Raises:
        VerificationError: A block doesn't extend the one before, or isn't signed by the keys valid at its height.
    """
    at, faults = ReaderAt(vault_url), 0
    spark = SparkSession.builder.appName("auditseal").getOrCreate()
    for pinned in Trust.parse(Path(trust_file).read_bytes()).logs:
        chain, records = ChainCheck(at(), pinned, 0), 0
        for heads, count, fault in checked_runs(spark, at, pinned):
            for head in heads:
                chain.accept(head)
            records += count
            if fault:
                faults += 1
                print(f"{pinned.origin}: block {fault.height}: {fault.verdict}: {fault.problem}")
                break
        print(f"{pinned.origin}: {chain.height:,} blocks and {records:,} records hold")
    spark.stop()
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
