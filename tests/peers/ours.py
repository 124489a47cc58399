"""Our own figures over the same events: sealing, verifying, and from produce to a locked object."""

import time
from functools import partial
from pathlib import Path

from auditseal_local.minio import MinioNode
from tests.bench import bench_pipeline, bench_sealer, bench_verify
from tests.peers import event_file
from tests.peers.peer import BURSTS, COMMIT_SECONDS, LOOK_SECONDS, Peer, Result, fastest

_LEAST_SEALED = 200_000
"""Events: the rate is from the first block's close to the last full one's, and fewer would make too few blocks."""
_PROMISE = "hashes, chains and signs each record; anyone can verify it offline"
SEALER = Peer("auditseal sealer", "this tree", "one process, one partition", f"{_PROMISE}; exactly once", "", "sealer")
VERIFY = Peer(
    "auditseal verify",
    "this tree",
    "one process, a directory",
    "checks every hash, chain, proof and signature anew; no other here has this step apart",
    "",
    "sealer",
)
LOCKED = Peer(
    "auditseal, produce to locked",
    "this tree",
    f"{bench_pipeline.PARTITIONS} partitions, blocks close at {COMMIT_SECONDS:g} s, best of {BURSTS} bursts",
    f"{_PROMISE}; each object is locked (compliance mode) and compared with what was sent",
    "",
    "locked",
)


def seal(bootstrap_servers: str, directory: Path, events: int) -> Result:
    """Return the sealer's rate over the same events in a topic of its own."""
    count = max(events, _LEAST_SEALED)
    figures = bench_sealer.measure(bootstrap_servers, directory, count, rounds=1)
    return Result(SEALER, count, figures["sealer_records_per_second"])


def verify(events: Path, count: int, directory: Path) -> Result:
    """Return the verifier's rate over a vault of the same events."""
    bench_verify.make_vault(directory, event_file.messages(events))
    return Result(VERIFY, count, bench_verify.rate(count, partial(bench_verify.verify, directory, 1, quick=False)))


def lock(bootstrap_servers: str, minio: MinioNode, events: Path, count: int, directory: Path) -> Result:
    """Return the rate from the first produce to the last locked object of the fastest burst."""
    with bench_pipeline.pipeline(bootstrap_servers, minio, directory, COMMIT_SECONDS) as (arrivals, _):

        def burst(number: int) -> float:
            where = bootstrap_servers, bench_pipeline.EVENTS, bench_pipeline.PARTITIONS
            began = time.time()
            event_file.publish(*where, event_file.first_events(events, count))
            return arrivals.wait_for(count * number, LOOK_SECONDS) - began

        return Result(LOCKED, count, fastest(count, burst))
