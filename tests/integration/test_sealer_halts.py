"""The causes for which the sealer halts, says why, and names the runbook, or waits and says so."""

import json
import time
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource, ResourceType

from auditseal_local.kafka import KafkaNode
from auditseal_local.ports import free_ports
from auditseal_schemas.block import Block
from auditseal_schemas.halt import Halt
from tests.factory.keys import verifier_key
from tests.factory.sealing import UNCOMMITTED, SealerProcess, Site


@pytest.fixture
def site(kafka: KafkaNode, topic_name, tmp_path: Path) -> Site:
    site = Site(kafka.bootstrap_servers, tmp_path / "site", topic_name("events"), topic_name("blocks"))
    site.create_topics()
    return site


def seal_one(site: Site) -> None:
    site.publish([b"event"])
    with site.sealer("--genesis") as sealer:
        site.await_sealed(1)
        assert sealer.stop() == 0


def store(site: Site, value: bytes) -> None:
    """Put a block where an archiver would."""
    stored = site.directory / "vault" / site.origin().block_key(Block.parse(value).header.height)
    stored.parent.mkdir(parents=True)
    stored.write_bytes(value)


def assert_halts(sealer: SealerProcess, halt: Halt) -> str:
    assert sealer.exit_code() == halt.exit_code, sealer.log.read_text()
    last = sealer.await_line("halted")
    assert (last["reason"], last["runbook"]) == (halt.name, halt.runbook)
    return str(last["problem"])


def set_policy(admin: AdminClient, topic: str, policy: str) -> None:
    entry = ConfigEntry("cleanup.policy", policy, incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([resource])[resource].result(20)


def delete(admin: AdminClient, topic: str) -> None:
    admin.delete_topics([topic])[topic].result(20)
    deadline = time.monotonic() + 60
    while topic in admin.list_topics(timeout=20).topics:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_sealer_begins_no_log_unasked(site: Site) -> None:
    with site.sealer() as sealer:
        assert "--genesis" in assert_halts(sealer, Halt.GENESIS_NOT_ALLOWED)


def test_sealer_refuses_a_compacted_topic_at_start_and_when_it_becomes_one(
    site: Site, kafka_admin: AdminClient
) -> None:
    with site.sealer("--genesis") as sealer:
        sealer.await_ready()
        set_policy(kafka_admin, site.events, "compact")
        assert "cleanup.policy" in assert_halts(sealer, Halt.TOPIC_MISCONFIGURED)
    with site.sealer("--genesis") as sealer:
        assert_halts(sealer, Halt.TOPIC_MISCONFIGURED)


def test_sealer_refuses_a_blocks_topic_that_has_another_events_topics_blocks(site: Site, topic_name) -> None:
    seal_one(site)
    theirs = site.block_values()
    second = replace(site, directory=site.directory.with_name("second"), events=topic_name("events"))
    second.create_topics()
    with second.sealer("--genesis") as sealer:
        problem = assert_halts(sealer, Halt.TOPIC_MISCONFIGURED)
    assert f"{site.blocks}: partition 0 has blocks of {site.origin()}, which is another events topic" in problem
    assert site.block_values() == theirs


def test_sealer_halts_when_the_events_topic_was_made_again(site: Site, kafka_admin: AdminClient) -> None:
    seal_one(site)
    with site.sealer() as sealer:
        sealer.await_ready()
        delete(kafka_admin, site.events)
        site.create_topics()
        assert_halts(sealer, Halt.LOG_RECREATED)
    site.producer = Producer({"bootstrap.servers": site.servers})
    site.publish([b"another log's", b"events"])
    with site.sealer() as sealer:
        assert_halts(sealer, Halt.LOG_RECREATED)
    assert len(site.verified()) == 1


def test_sealer_halts_when_its_blocks_are_gone_before_they_were_archived(site: Site, kafka_admin: AdminClient) -> None:
    seal_one(site)
    delete(kafka_admin, site.blocks)
    site.create_topics()
    with site.sealer("--genesis") as sealer:
        assert_halts(sealer, Halt.BLOCKS_LOST)
    assert site.block_values(UNCOMMITTED) == []


def test_sealer_halts_when_the_vault_is_ahead(site: Site, kafka_admin: AdminClient) -> None:
    seal_one(site)
    store(site, *site.block_values())
    with site.sealer() as sealer:  # the same head in both places is fine
        sealer.await_ready()
    delete(kafka_admin, site.blocks)
    site.create_topics()
    with site.sealer("--genesis") as sealer:
        assert_halts(sealer, Halt.HEAD_DISAGREES)


def test_lost_blocks_that_someone_kept_go_on_in_another_blocks_topic(site: Site, topic_name) -> None:
    """docs/runbooks/blocks-lost.md: in order and from the vault's head on."""
    with site.sealer("--genesis", block_age=0.02) as sealer:
        for number in range(3):
            site.publish([b"event %d" % number])
            site.await_sealed(number + 1)
        assert sealer.stop() == 0
    kept = site.block_values()
    assert len(kept) == 3
    store(site, kept[0])
    site.blocks = topic_name("blocks")
    site.create_topics()
    with site.sealer() as sealer:
        assert_halts(sealer, Halt.HEAD_DISAGREES)
    keeper = Producer({"bootstrap.servers": site.servers})
    for value in kept:
        keeper.produce(site.blocks, value, partition=0)
    assert keeper.flush(20) == 0
    site.publish([b"event 3"])
    with site.sealer() as sealer:
        assert [record.value for record in site.await_sealed(4)] == [b"event %d" % number for number in range(4)]
        assert sealer.stop() == 0


def test_after_a_strangers_record_the_log_goes_on_in_its_next_run_on_another_blocks_topic(
    site: Site, topic_name
) -> None:
    """docs/runbooks/invalid-block.md: no daemon passes over what was committed, whatever the run."""
    seal_one(site)
    (value,) = site.block_values()
    store(site, value)
    stranger = Producer({"bootstrap.servers": site.servers})
    stranger.produce(site.blocks, b"no block", partition=0)
    assert stranger.flush(20) == 0
    with site.sealer() as sealer:
        assert_halts(sealer, Halt.INVALID_BLOCK)

    root, key = b64encode(Block.parse(value).next_frontier.root).decode(), verifier_key(site.origin(), site.key)
    named = f"{site.origin()} 1"
    given_up = ("--genesis", "--give-up", named)
    with site.sealer("--genesis", run=1, predecessors=json.dumps([f"{named} {root} {key}"])) as sealer:
        assert sealer.exit_code() == 2
        assert f"confirm it by --give-up '{named}'" in sealer.log.read_text()
    with site.sealer(*given_up, run=1, predecessors=json.dumps([f"{named} {root} {key}"])) as sealer:
        assert_halts(sealer, Halt.INVALID_BLOCK)
    site.blocks = topic_name("blocks")
    site.create_topics()
    with site.sealer(
        *given_up, run=1, predecessors=json.dumps([f"{named} {b64encode(bytes(32)).decode()} {key}"])
    ) as sealer:
        assert f"last head of the runs before is {named} {root}" in assert_halts(sealer, Halt.GENESIS_NOT_ALLOWED)
    with site.sealer(*given_up, run=1, predecessors=json.dumps([f"{named} {root} {key}"])) as sealer:
        labels = f'{{partition="0",topic="{site.events}"}}'
        sealer.await_metric(f"auditseal_events_sealed_total{labels} 1.0")
        assert sealer.stop() == 0
    header = Block.parse(site.block_values()[0]).header
    assert header.predecessor == (str(site.origin()), 1, Block.parse(value).next_frontier.root, (str(key),))
    assert header.count == 1  # what run 0 sealed too: the events topic still has it


def test_sealer_waits_while_a_foreign_transaction_hides_the_head(site: Site) -> None:
    seal_one(site)
    foreign = Producer({"bootstrap.servers": site.servers, "transactional.id": f"foreign.{site.blocks}"})
    foreign.init_transactions(20)
    foreign.begin_transaction()
    foreign.produce(site.blocks, b"foreign", partition=0)
    foreign.flush(20)
    site.publish([b"two"])
    with site.sealer() as sealer:
        sealer.await_line("started")
        time.sleep(1.5)
        assert sealer.get("/readyz")[0] == 503
        foreign.abort_transaction(20)
        site.await_sealed(2)
        sealer.await_ready()


def test_two_sealers_in_two_groups_fence_each_other_and_fork_nothing(site: Site) -> None:
    site.publish([b"event 0"])
    count = 1
    with (
        site.sealer("--genesis", group=f"one.{site.events}", block_age=0.02) as one,
        site.sealer("--genesis", group=f"two.{site.events}", block_age=0.02) as two,
    ):
        deadline = time.monotonic() + 60
        while one.process.poll() is None and two.process.poll() is None:
            assert time.monotonic() < deadline, one.log.read_text() + two.log.read_text()
            site.publish([b"event %d" % count])
            count += 1
            time.sleep(0.02)
        fenced, other = (one, two) if one.process.poll() is not None else (two, one)
        assert fenced.process.returncode == 1
        assert "another sealer" in fenced.await_line("failed")["problem"]
        records = site.await_sealed(count)
        assert other.stop() == 0
    assert [record.value for record in records] == [b"event %d" % number for number in range(count)]


def test_sealer_tells_that_kafka_is_away_and_stops_all_the_same(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    site = Site(f"127.0.0.1:{port}", tmp_path / "site", "events", "blocks")
    with site.sealer() as sealer:
        away = sealer.await_line("Kafka is unreachable, trying again")
        assert away["pause_seconds"] > 0
        assert sealer.get("/readyz")[0] == 503
        assert sealer.get("/healthz")[0] == 200
        assert sealer.stop() == 0
