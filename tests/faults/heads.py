"""How long a sealer takes to find its head with many blocks behind it: `python -m tests.faults.heads [BLOCKS ...]`."""

import statistics
import sys
import tempfile
import time
from pathlib import Path

from confluent_kafka import Producer
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from auditseal_schemas.draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_sealer.cluster import Cluster
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.errors import UnavailableError
from auditseal_sealer.head_reader import HeadReader
from auditseal_sealer.recovery import Beginning, recover
from tests.core_samples import messages
from tests.faults.rig import CLUSTER, Pipeline, Rig

_TIMES = 7


def fill(line: Pipeline, blocks: int) -> tuple[int, bytes]:
    """Publish a chain of blocks of one record each; return a block from the middle of it, as the vault's highest."""
    origin = line.origins[0]
    servers = line.rig.kafka.bootstrap_servers
    cluster = Cluster({"bootstrap.servers": servers}, 20)
    view = cluster.topic(line.events)
    assert view is not None
    source = SourceIdentity(cluster.cluster_id(), view.topic_id, 1, 0)
    state = LogState.genesis(origin, (VerifierKey(str(origin), line.key.public),))
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20, "message.max.bytes": 16 << 20})
    archived, now = b"", time.time_ns() // 1000
    for height in range(blocks):
        draft = BlockDraft(state, BlockLimits())
        draft.extend(messages([height]))
        block = draft.seal(source, [line.key], now=now, sealer="auditseal/test")
        state = LogState.after(block, state.keys)
        if height == blocks // 2:
            archived = block.format()
        producer.produce(line.blocks, block.format(), partition=0)
        producer.produce(line.events, b'{"number": %d}' % height, partition=0)
        if not height % 500:
            producer.poll(0.02)
    assert producer.flush(60) == 0
    return blocks // 2, archived


def measure(line: Pipeline, vault: tuple[int, bytes]) -> list[float]:
    """Return how long it takes to gather what the sources say and to decide, several times, in seconds."""
    client = {"bootstrap.servers": line.rig.kafka.bootstrap_servers}
    config = SealerConfig(
        client=client, events_topic=line.events, blocks_topic=line.blocks, cluster=CLUSTER, genesis_allowed=True
    )
    origin, durations = line.origins[0], []
    patient = Retrying(retry=retry_if_exception_type(UnavailableError), stop=stop_after_delay(20), wait=wait_fixed(0.2))
    patient(
        HeadReader(client, config, origin, Cluster(client, 10), lambda _: vault).gather
    )  # Kafka makes its own topics
    key = VerifierKey(str(origin), line.key.public)
    for _ in range(_TIMES):
        begun = time.monotonic()
        evidence = HeadReader(client, config, origin, Cluster(client, 10), lambda _: vault).gather()
        recovered = recover(origin, key, evidence, Beginning(False, None))
        durations.append(time.monotonic() - begun)
        assert recovered.state.height > vault[0]
    return durations


def main() -> int:
    """Measure, with the vault half as far as the topic."""
    with tempfile.TemporaryDirectory(prefix="auditseal-heads-") as folder, Rig(Path(folder), 1) as rig:
        for blocks in map(int, sys.argv[1:] or ["1000", "100000"]):
            line = rig.pipeline(f"heads-{blocks}", partitions=1)
            found = sorted(measure(line, fill(line, blocks)))
            print(f"{blocks} blocks: median {statistics.median(found):.3f} s, longest {found[-1]:.3f} s of {_TIMES}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
