"""What the two topics must be like: each rule broken alone, and topics as they are made."""

import random
import re
from dataclasses import replace
from pathlib import Path

import pytest

from auditseal_daemon.topic_rules import TopicKind, TopicRules, TopicView, check_pair, retention_seconds
from auditseal_schemas.block_draft import BlockLimits
from auditseal_schemas.limits import MIB
from tests.factory.blocks import sealed
from tests.factory.messages import Message

RULES = TopicRules()
EVENTS = TopicView("events", "id 1", (3, 3), RULES.settings(TopicKind.EVENTS))
BLOCKS = TopicView("blocks", "id 2", (3, 3), RULES.settings(TopicKind.BLOCKS))


def changed(topic: TopicView, **settings: str) -> TopicView:
    return replace(
        topic, settings={**topic.settings, **{name.replace("_", "."): value for name, value in settings.items()}}
    )


def test_topics_as_they_are_made_pass() -> None:
    assert check_pair(RULES, EVENTS, BLOCKS) == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"cleanup_policy": "compact"},
        {"cleanup_policy": "compact,delete"},
        {"retention_bytes": "1000000"},
        {"retention_ms": "3600000"},
        {"min_insync_replicas": "1"},
        {"unclean_leader_election_enable": "true"},
        {"message_timestamp_type": "CreateTime"},
    ],
)
def test_each_setting_matters_on_both_topics(wrong: dict[str, str]) -> None:
    (name,) = (name.replace("_", ".") for name in wrong)
    for pair in ((changed(EVENTS, **wrong), BLOCKS), (EVENTS, changed(BLOCKS, **wrong))):
        (problem,) = check_pair(RULES, *pair)
        assert name in problem


def test_the_largest_block_must_fit_and_keeping_for_good_is_fine() -> None:
    (problem,) = check_pair(RULES, EVENTS, changed(BLOCKS, max_message_bytes="8388608"))
    assert "max.message.bytes" in problem
    assert check_pair(RULES, changed(EVENTS, retention_ms="-1"), changed(BLOCKS, retention_ms="-1")) == []
    assert retention_seconds(changed(BLOCKS, retention_ms="-1")) == float("inf")
    assert retention_seconds(changed(BLOCKS, retention_ms="5000")) == 5


def test_no_limit_of_the_sealers_makes_a_block_small() -> None:
    """Why the bound isn't derived from `block_bytes` (ADR 0009): one record, which zstd would take for a megabyte."""
    record = Message(0, random.Random(1).randbytes(MIB) * 8, b"")
    record = replace(record, content=record.content[: 8 * MIB - 64])
    block = sealed([record], limits=BlockLimits(records=1, bytes=1))
    assert next(iter(block.records())).value == record.content
    assert len(block.format()) > 8 * MIB


@pytest.mark.parametrize("codec", ["producer", "zstd", "gzip", "lz4"])
def test_hardened_topics_bound_what_a_batch_may_grow_to(codec: str) -> None:
    hardened = replace(RULES, hardened=True)
    (problem,) = check_pair(hardened, changed(EVENTS, compression_type=codec), BLOCKS)
    assert f"compression.type is {codec}, not uncompressed" in problem
    assert check_pair(RULES, changed(EVENTS, compression_type=codec), BLOCKS) == []
    made = replace(EVENTS, settings=hardened.settings(TopicKind.EVENTS))
    assert check_pair(hardened, made, BLOCKS) == []
    assert check_pair(hardened, changed(EVENTS, compression_type="snappy"), BLOCKS) == []
    (problem,) = check_pair(hardened, changed(made, max_message_bytes=str(64 * MIB)), BLOCKS)
    assert "a batch may have 64 MiB" in problem


def test_replicas_are_counted_in_every_partition() -> None:
    (problem,) = check_pair(RULES, replace(EVENTS, replicas=(3, 2)), BLOCKS)
    assert "2 replicas" in problem
    assert TopicRules(replication=1).min_insync_replicas == 1


def test_any_number_of_partitions_will_do_unless_one_is_said() -> None:
    assert check_pair(replace(RULES, partitions=2), EVENTS, BLOCKS) == []
    problems = check_pair(replace(RULES, partitions=1), EVENTS, BLOCKS)
    assert [problem.partition(":")[0] for problem in problems] == [EVENTS.name, BLOCKS.name]


def test_each_events_partition_needs_one_of_blocks() -> None:
    (problem,) = check_pair(RULES, replace(EVENTS, replicas=(3, 3, 3)), BLOCKS)
    assert "partitions" in problem
    assert check_pair(RULES, EVENTS, replace(BLOCKS, replicas=(3, 3, 3))) == []


def test_the_page_has_every_setting() -> None:
    page = (Path(__file__).parents[3] / "docs" / "reference" / "topics.md").read_text("utf-8")
    rows = re.findall(r"^\| `([a-z.]+)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(replace(RULES, hardened=True).settings(TopicKind.EVENTS))
