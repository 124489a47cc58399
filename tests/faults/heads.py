"""How long a sealer takes to find its head with many blocks behind it: `python -m tests.faults.heads [BLOCKS ...]`.

All blocks are in the topic, all but the last tenth in a bucket of a real MinIO too. Measured is what a recovery does:
connect and fence, ask the broker's clock, look at the topics, ask the vault, read topic and group, decide. It ends with
code 1 where that takes more than a second. To fill the bucket takes longer than all the rest, some minutes.
"""

import sys
import tempfile
import time
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from confluent_kafka import Consumer, Producer
from prometheus_client import CollectorRegistry
from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_fixed

from auditseal_daemon.cluster import Cluster
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.errors import UnavailableError
from auditseal_schemas.halt import HaltError
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_sealer.block_producer import BlockProducer
from auditseal_sealer.block_writer import BlockWriter
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.context import SealerContext
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.metrics import SealerMetrics
from auditseal_sealer.recovery import GenesisRule, Recovered, recover
from auditseal_sealer.source_reader import SourceReader
from auditseal_sealer.watch import read_topics
from auditseal_sealer.watchdog import Watchdog
from auditseal_vault.interface import VaultReader
from tests.factory.messages import messages
from tests.faults.rig import CLUSTER, Pipeline, Rig

_TIMES = 7
_BOUND = 1.0  # s
_STUCK = 15.0  # s
_UPLOADS = 8  # at once
_WAITING = 2_000  # uploads that may wait, with their blocks


def fill(line: Pipeline, blocks: int) -> None:
    """Publish a chain of blocks of one record each, and store all but the last tenth of them."""
    origin = line.origins[0]
    servers = line.rig.kafka.bootstrap_servers
    cluster = line.rig.cluster()
    view = cluster.topic(line.events)
    assert view is not None
    source = SourceIdentity(cluster.cluster_id(), view.topic_id, 1, 0)
    state = LogState.genesis(origin, (VerifierKey(str(origin), line.key.public),))
    producer = Producer({"bootstrap.servers": servers, "linger.ms": 20, "message.max.bytes": 16 << 20})
    put, now = partial(line.rig.minio.s3().put_object, Bucket=line.bucket), time.time_ns() // 1000
    with ThreadPoolExecutor(_UPLOADS) as pool:
        uploads = deque[Future[object]]()
        for height in range(blocks):
            draft = BlockDraft(state, BlockLimits())
            draft.extend(messages([height]))
            block = draft.seal(source, [line.key], now=now, sealer="auditseal/test")
            state = LogState.after(block, state.keys)
            if height < blocks - blocks // 10:
                uploads.append(pool.submit(put, Key=origin.block_key(height), Body=block.format()))
            if len(uploads) > _WAITING:
                uploads.popleft().result()
            producer.produce(line.blocks, block.format(), partition=0)
            producer.produce(line.events, b'{"number": %d}' % height, partition=0)
            producer.poll(0)
        assert producer.flush(60) == 0
        for upload in uploads:
            upload.result()


@dataclass(frozen=True)
class Times:
    """How long recoveries took, and the vault's answers that are a part of them; in seconds, ascending."""

    recoveries: list[float]
    answers: list[float]

    def __str__(self) -> str:
        recovery, answer = self.recoveries, self.answers
        return (
            f"median {median(recovery):.3f} s, longest {recovery[-1]:.3f} s of {len(recovery)}; "
            f"the vault's answers in them: median {median(answer):.3f} s, longest {answer[-1]:.3f} s"
        )


class TimedVault:
    """A vault for reading that times each call."""

    def __init__(self, vault: VaultReader) -> None:
        self._vault, self.seconds = vault, 0.0

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._vault, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **more: Any) -> Any:
            begun = time.monotonic()
            answer = value(*arguments, **more)
            answer = iter(list(answer)) if name == "versions" else answer
            self.seconds += time.monotonic() - begun
            return answer

        return call


def measure(line: Pipeline, reader: VaultReader, blocks: int) -> Times:
    """Recover several times, and say how long each took."""
    client = {"bootstrap.servers": line.rig.kafka.bootstrap_servers}
    config = SealerConfig(
        client=client, events_topic=line.events, blocks_topic=line.blocks, cluster=CLUSTER, genesis_allowed=True
    )
    origin, vault = line.origins[0], TimedVault(reader)
    consumer = Consumer({**client, "group.id": config.group})
    patient = Retrying(retry=retry_if_exception_type(UnavailableError), stop=stop_after_delay(20), wait=wait_fixed(0.2))
    watchdog, metrics = Watchdog(_STUCK, raise_error), SealerMetrics(CollectorRegistry())

    def recovery() -> Recovered:
        context = SealerContext(config, LogSigners(line.key), vault, Cluster(client, 10), metrics, watchdog)
        with BlockProducer(context, consumer.consumer_group_metadata) as sender, BlockWriter(context, origin, sender):
            assert all(read_topics(context.cluster, config))  # as a sealer does when it starts
            sources = SourceReader(context, origin).read()
            return recover(origin, context.keys(origin), sources, GenesisRule(allowed=False, predecessor=None))

    patient(recovery)  # Kafka makes its own topics
    recoveries, answers = list[float](), list[float]()
    for _ in range(_TIMES):
        begun, vault.seconds = time.monotonic(), 0.0
        recovered = recovery()
        recoveries.append(time.monotonic() - begun)
        answers.append(vault.seconds)
        assert recovered.state.height == blocks
        assert recovered.unarchived_since is not None
    return Times(sorted(recoveries), sorted(answers))


def raise_error(error: HaltError) -> None:
    raise error


def main() -> int:
    """Measure; return 1 where a recovery exceeds the bound."""
    longest = 0.0
    with tempfile.TemporaryDirectory(prefix="auditseal-heads-") as folder, Rig(Path(folder), 1) as rig:
        for blocks in map(int, sys.argv[1:] or ["1000", "100000"]):
            line = rig.pipeline(f"heads-{blocks}", partitions=1)
            fill(line, blocks)
            found = measure(line, line.reader(), blocks)
            longest = max(longest, found.recoveries[-1])
            print(f"{blocks} blocks: {found}", flush=True)
    return 1 if longest > _BOUND else 0


if __name__ == "__main__":
    sys.exit(main())
