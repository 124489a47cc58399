"""How costs grow with the partitions of one sealer on a real Kafka, and with the logs that are verified and indexed.

Each partition has an event a second, which is a block a second: on two cores a broker can't take much more. The
sealer's cost is the processor's seconds in one second. Its start is that of a sealer whose logs have begun: from its
first log line until it seals all partitions.

Verifying and indexing have no Kafka: they read a directory with that number of logs of 100 blocks. Their costs are
those of one block: so they are flat where a block costs the same with any number of logs.
"""

from dataclasses import replace
from pathlib import Path
from time import process_time

from auditseal_local.kafka import KafkaNode, KafkaSettings
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.trust import PinnedLog, Trust
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import open_index
from auditseal_search.range_pool import RangePool
from auditseal_vault.thread_reader import ReaderAt
from tests.bench import bench_partitions
from tests.bench.bench_proofs import seal_log, timed
from tests.bench.bench_verify import ORIGIN, SIGNER, verify

MOST_EXPONENT = {"seal for a second": 1.1, "start on all partitions": 1.25, "verify a block": 0.2, "index a block": 0.2}
"""A block must not cost more with more partitions; sealing all of them, and the start, may grow with their number."""
_RATE = 1
"""Events a second in each partition."""
_BLOCKS = 100
"""Of each log that is verified and indexed."""


def measure_sealer(folder: Path, partitions: int) -> dict[str, float]:
    """Return the sealer's seconds of CPU in one second of sealing, and for its start."""
    with KafkaNode(folder / "kafka", KafkaSettings(heap_mib=1024)) as kafka:
        sealer = bench_partitions.measure(kafka.bootstrap_servers, folder / "sealer", partitions, _RATE)
    return {
        "seal for a second": sealer["cpu_seconds"] / bench_partitions.SECONDS,
        "start on all partitions": sealer["start_cpu_seconds"],
    }


def measure_passes(folder: Path, partitions: int) -> dict[str, float]:
    """Return the seconds of CPU a block of verifying and of indexing that number of logs."""
    origins = [replace(ORIGIN, partition=number) for number in range(partitions)]
    logs = tuple(PinnedLog(origin, (VerifierKey(str(origin), SIGNER.public),)) for origin in origins)
    for origin in origins:
        seal_log(folder / "vault", _BLOCKS, 1, origin)
    blocks = partitions * _BLOCKS
    return {
        "verify a block": timed(lambda: verify(folder, 1, quick=False, trust=Trust(logs)), process_time) / blocks,
        "index a block": timed(lambda: index(folder, logs), process_time) / blocks,
    }


def index(folder: Path, logs: tuple[PinnedLog, ...]) -> None:
    """Build the indexes of a vault's logs, which have none yet, in this process."""
    store = open_index((folder / "index").as_uri())
    with RangePool(ReaderAt((folder / "vault").as_uri()), 1) as pool:
        faults = [IndexBuilder(store, pool).build(log).fault for log in logs]
    assert not any(faults), faults
