"""What a sealer finds of its log in a real Kafka, in which the blocks of a silence follow those with records."""

import time
from pathlib import Path

import pytest
from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from auditseal_daemon.cluster import Cluster
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.log import LogState
from auditseal_sealer.config import SealerConfig
from auditseal_sealer.context import SealerContext
from auditseal_sealer.log_signers import LogSigners
from auditseal_sealer.metrics import SealerMetrics
from auditseal_sealer.source_reader import SourceReader
from auditseal_sealer.watchdog import Watchdog
from auditseal_vault.open import open_reader
from tests.factory.keys import keys_of
from tests.factory.messages import messages
from tests.factory.sealing import CLUSTER, Site


def raise_error(error: Exception) -> None:
    raise error


@pytest.mark.kafka
@pytest.mark.parametrize(("counts", "wanted"), [([2, 1, *[0] * 70], 1), ([0, 0, 1], None), ([0, 0], None)])
def test_the_last_block_with_records_is_found_below_the_empty_ones(
    counts: list[int], wanted: int | None, kafka: KafkaNode, topic_name, tmp_path: Path
) -> None:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"))
    site.create_topics()
    origin, blocks = site.origin(), list[bytes]()
    state = LogState.genesis(origin, keys_of(origin, site.key))
    producer = Producer({"bootstrap.servers": site.servers})
    for count in counts:
        draft = BlockDraft(state, BlockLimits())
        draft.extend(messages(range(state.next_offset, state.next_offset + count)))
        source = SourceIdentity("cluster", "topic", 1, 0)
        block = draft.seal(source, [site.key], now=time.time_ns() // 1000, sealer="auditseal/test")
        state = state.accept(block)
        blocks.append(block.format())
        producer.produce(site.blocks, blocks[-1], partition=0)
        producer.produce(site.events, b"event", partition=0)
    assert producer.flush(30) == 0
    client = {"bootstrap.servers": site.servers}
    config = SealerConfig(client=client, events_topic=site.events, blocks_topic=site.blocks, cluster=CLUSTER)
    context = SealerContext(
        config,
        LogSigners(site.key),
        open_reader(f"file://{site.directory / 'vault'}"),
        Cluster(client, 10),
        SealerMetrics(CollectorRegistry()),
        Watchdog(15, raise_error),
    )
    sources = SourceReader(context, origin).read()
    assert sources.head == blocks[-1]
    assert sources.filled == (None if wanted is None else blocks[wanted])
