"""Where a sealer's microseconds go: `python -m tests.bench.sealing_stages SERVERS [EVENTS]`, by CPU time of one thread.

Each stage runs alone over the same events, several times, and its least time counts. So the figures hold on a machine
that does other work, nearly. Compressing runs in another thread, on another core.
"""

import json
import sys
import time
from collections.abc import Callable
from hashlib import sha256

from confluent_kafka import TopicPartition

from auditseal_daemon.batch_size import fetch_bytes
from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_schemas.block import Block, make_locators
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.deflate import deflate
from auditseal_schemas.key import SigningKey, VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.merkle import tree_root
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import RecordEncoder
from auditseal_sealer.event_reader import EventReader
from auditseal_sealer.event_record import EventRecord
from auditseal_sealer.record_consumer import RecordConsumer
from tests.bench.bench_sealer import publish

ROUNDS = 7
BLOCK = 30_000  # records
_KEY, _ORIGIN = SigningKey.generate(), Origin("bench.local", "events", 0, 0)
_STATE = LogState.genesis(_ORIGIN, (VerifierKey(str(_ORIGIN), _KEY.public),))
_SOURCE = SourceIdentity("bench", "AAAAAAAAAAAAAAAAAAAAAA", 1, 0)


def measure(bootstrap_servers: str, events: int) -> dict[str, float]:
    """Return each stage's microseconds of CPU a record."""
    topic = f"bench.stages.{time.time_ns()}"
    create_topics(
        Cluster({"bootstrap.servers": bootstrap_servers}, 20), TopicRules(1, replication=1), topic, f"{topic}.blocks"
    )
    publish(bootstrap_servers, topic, events)
    seconds, records = min((_read(bootstrap_servers, topic, events) for _ in range(3)), key=lambda found: found[0])
    return {"read": seconds / events * 1e6, **_stages(records[:BLOCK])}


def _read(bootstrap_servers: str, topic: str, events: int) -> tuple[float, list[EventRecord]]:
    where, kept, count = TopicPartition(topic, 0), list[EventRecord](), 0
    client = {"bootstrap.servers": bootstrap_servers}
    with EventReader(
        RecordConsumer, client, "bench", where, partitions=1, fetch_bytes=fetch_bytes({}), silence=60
    ) as reader:
        reader.seek(0)
        begun = time.thread_time()
        while count < events:
            records = reader.read(0.05)
            count += len(records)
            if len(kept) < BLOCK:
                kept += records
        return time.thread_time() - begun, kept


def _stages(records: list[EventRecord]) -> dict[str, float]:
    encoded = _encode(records)
    draft = _fill(records, lambda _: b"")
    links = draft._links
    full = _fill(records, deflate)
    block = _seal(full)
    content = b"".join(encoded)
    figures = {
        "encode": _least(lambda: _encode(records)),
        "link": _least(lambda: _link(encoded)),
        "fill": _least(lambda: _fill(records, lambda _: b"")),
        "root": _least(lambda: tree_root(links)),
        "locators": _least(lambda: make_locators(links)),
        "seal": _least(lambda: _seal(draft)),
        "accept": _least(lambda: _STATE.accept(block)),
        "format": _least(block.format),
        "compress": _least(lambda: deflate(content)),
    }
    return {name: seconds / len(records) * 1e6 for name, seconds in figures.items()}


def _encode(records: list[EventRecord]) -> list[bytes]:
    encode = RecordEncoder().encode
    return [encode(one.offset, one.timestamp, one.key, one.headers, one.value) for one in records]


def _link(encoded: list[bytes]) -> bytes:
    link, begin = bytes(32), sha256(b"\x00").copy
    for record in encoded:
        leaf = begin()
        leaf.update(link)
        leaf.update(record)
        link = leaf.digest()
    return link


def _fill(records: list[EventRecord], compress: Callable[[bytes], bytes]) -> BlockDraft:
    draft = BlockDraft(_STATE, BlockLimits(), compress=compress)
    for start in range(0, len(records), 64):
        draft.extend(records[start : start + 64])
    assert draft.count == len(records)
    return draft


def _seal(draft: BlockDraft) -> Block:
    return draft.seal(_SOURCE, [_KEY], now=1_795_000_000_000_000, sealer="auditseal/bench")


def _least(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        call()
        seconds.append(time.thread_time() - begun)
    return min(seconds)


if __name__ == "__main__":
    print(json.dumps(measure(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 200_000), indent=1))
