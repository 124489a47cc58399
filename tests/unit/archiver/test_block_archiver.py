"""Archiving over a real directory: whatever happens to an operation, one version of each block is stored."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from auditseal_archiver import block_archiver
from auditseal_archiver.block_archiver import LOOK_SECONDS, BlockArchiver
from auditseal_archiver.errors import RewindNeededError
from auditseal_archiver.log_state import read_log_state
from auditseal_daemon import retry
from auditseal_daemon.retry import StoreRetry
from auditseal_schemas.halt import Halt
from auditseal_schemas.header import Predecessor
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.log import LogState
from auditseal_schemas.origin import Origin
from auditseal_schemas.trust import PinnedLog
from auditseal_vault.encryption import Encryption
from auditseal_vault.interface import Retention
from tests.factory.archiving import (
    DAY,
    PINNED,
    TOPIC,
    FaultyVault,
    halts,
    new_archiver,
    new_metrics,
    partition_config,
    store,
)
from tests.factory.blocks import NOW, chain, flipped, resigned, sealed
from tests.factory.keys import ORIGIN, OTHER_SIGNER, SIGNER
from tests.factory.messages import messages

BLOCKS, STATES = chain(3, 2, 0, 4)
DATA = [block.format() for block in BLOCKS]


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "wait_random_exponential", lambda **_: lambda _: 0)


@pytest.fixture
def vault(tmp_path: Path) -> FaultyVault:
    return FaultyVault(tmp_path)


def stored(vault: FaultyVault) -> list[bytes]:
    return [vault.read(entry.key) for entry in vault.versions("v1/")]


def test_blocks_are_stored_in_order_and_once(vault: FaultyVault) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    for data in (*DATA[:2], *DATA[:2], *DATA):
        archiver.archive(data, "it")
    assert stored(vault) == DATA
    assert [key for key, _ in vault.puts] == [ORIGIN.block_key(height) for height in range(4)]
    assert all(end >= datetime.now(UTC) + 0.9 * DAY and not end.microsecond for _, end in vault.puts)


def test_a_lock_that_was_extended_shows_within_the_hour(vault: FaultyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    metrics, registry = new_metrics()
    archiver = BlockArchiver(partition_config(), vault, metrics, StoreRetry(threading.Event(), lambda _: None))
    clock = [0.0]
    monkeypatch.setattr(block_archiver.time, "monotonic", lambda: clock[0])
    until = datetime.now(UTC) + 2 * DAY

    def days_left(data: bytes) -> float:
        archiver.archive(data, "it")
        left = registry.get_sample_value(
            "auditseal_object_lock_retention_remaining_seconds", {"topic": TOPIC, "partition": "3"}
        )
        assert left is not None
        return round(left / DAY.total_seconds(), 2)

    monkeypatch.setattr(vault, "retention", lambda *_: Retention("COMPLIANCE", until))
    assert days_left(DATA[0]) == 2
    until += 5 * DAY
    clock[0] = LOOK_SECONDS - 1
    assert days_left(DATA[1]) == 2
    clock[0] = LOOK_SECONDS
    assert days_left(DATA[2]) == 7


def test_a_write_whose_answer_was_lost_is_asked_for_its_encryption(vault: FaultyVault) -> None:
    archiver = new_archiver(vault, encryption=Encryption("AES256"))
    vault.shown_encryption = Encryption("AES256")
    vault.faults["put"] = ["after"]
    archiver.archive(DATA[0], "it")
    vault.shown_encryption = None
    archiver.archive(DATA[0], "it")  # stored before: perhaps by an archiver without the setting
    vault.faults["put"] = ["after"]
    assert "it is not encrypted at rest" in halts(Halt.NOT_ENCRYPTED, archiver.archive, DATA[1], "it")


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("operation", "fault"), [("put", "before"), ("put", "after"), ("versions", "before"), ("read", "before")]
)
def test_each_operation_may_fail_before_or_after_it_happened(
    vault: FaultyVault, operation: str, fault: str, restart: bool
) -> None:
    archiver = new_archiver(vault)
    for data in DATA:
        vault.faults[operation] = [fault, fault, None]
        archiver.archive(data, "it")
        if restart:
            archiver = new_archiver(vault)
    vault.faults.clear()
    assert stored(vault) == DATA


@pytest.mark.parametrize("height", range(5))
def test_it_resumes_from_the_vaults_head(vault: FaultyVault, height: int) -> None:
    store(vault, *BLOCKS[:height])
    assert read_log_state(vault, PINNED) == STATES[height]
    archiver = new_archiver(vault, from_beginning=False)
    for data in DATA[max(0, height - 1) :]:
        archiver.archive(data, "it")
    assert stored(vault) == DATA


def test_a_missing_height_is_looked_for_and_then_lost(vault: FaultyVault) -> None:
    store(vault, BLOCKS[0])
    with pytest.raises(RewindNeededError):
        new_archiver(vault, from_beginning=False).archive(DATA[3], "it")
    said = halts(Halt.BLOCKS_LOST, new_archiver(vault).archive, DATA[3], "it")
    assert "blocks 1 to 2" in said
    assert stored(vault) == DATA[:1]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        flipped(DATA[1], len(DATA[1]) // 2),
        resigned(BLOCKS[1], signers=[OTHER_SIGNER]).format(),
        resigned(BLOCKS[1], origin=replace(ORIGIN, partition=4)).format(),
        resigned(BLOCKS[1], origin=replace(ORIGIN, cluster="other")).format(),
        resigned(BLOCKS[1], first_link=bytes(32)).format(),
    ],
)
def test_a_block_that_does_not_verify_is_not_stored(vault: FaultyVault, data: bytes) -> None:
    store(vault, BLOCKS[0])
    halts(Halt.INVALID_BLOCK, new_archiver(vault).archive, data, "it")
    assert stored(vault) == DATA[:1]


@pytest.mark.parametrize("height", [0, 1])
def test_another_signed_block_in_the_vault_is_a_fork(vault: FaultyVault, height: int) -> None:
    store(vault, *BLOCKS[:height], resigned(BLOCKS[height], sealed_at=NOW + 9))
    halts(Halt.FORK, new_archiver(vault).archive, DATA[height], "it")


def test_one_that_came_between_our_look_and_our_write_is_a_fork_too(vault: FaultyVault) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    store(vault, resigned(BLOCKS[0], sealed_at=NOW + 9))
    halts(Halt.FORK, archiver.archive, DATA[0], "it")


def test_garbage_at_the_next_height_was_put_by_a_stranger(vault: FaultyVault) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    vault.put(ORIGIN.block_key(0), b"garbage", datetime.now(UTC))
    halts(Halt.SQUATTED, archiver.archive, DATA[0], "it")
    halts(Halt.SQUATTED, new_archiver(vault).recover)


@pytest.mark.parametrize(
    "head",
    [
        b"garbage",
        DATA[0],
        resigned(BLOCKS[1], signers=[OTHER_SIGNER]).format(),
        replace(BLOCKS[1], chunks=BLOCKS[0].chunks).format(),
        resigned(BLOCKS[1], events_root=bytes(32)).format(),
        replace(BLOCKS[1], frontier=BLOCKS[1].frontier, note=BLOCKS[0].note).format(),
    ],
)
def test_a_head_that_is_no_block_of_the_log_stops_the_start(vault: FaultyVault, head: bytes) -> None:
    store(vault, BLOCKS[0])
    vault.put(ORIGIN.block_key(1), head, datetime.now(UTC))
    halts(Halt.SQUATTED, new_archiver(vault).recover)


def recorded(calls: list[str], name: str, call: Callable[..., Any]) -> Callable[..., Any]:
    """Return a call that adds its name to a list each time."""

    def recording(*arguments: Any, **named: Any) -> Any:
        calls.append(name)
        return call(*arguments, **named)

    return recording


def test_a_block_is_one_write_and_many_are_one_check(vault: FaultyVault, monkeypatch: pytest.MonkeyPatch) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    asked = list[str]()
    for name in ("versions", "versions_of", "holds", "read", "retention", "encryption"):
        monkeypatch.setattr(vault, name, recorded(asked, name, getattr(vault, name)))
    archiver.archive(DATA[0], "it")
    asked.clear()  # the first block's lock is asked for, once, and shown
    for data in DATA[1:]:
        archiver.archive(data, "it")
    assert (len(vault.puts), asked) == (4, [])
    archiver.check_written()
    assert {"versions", "versions_of"} == set(asked)  # a directory's keys are looked up one by one


def test_a_delete_marker_that_was_there_before_a_block_is_found(vault: FaultyVault) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    vault.marked.add(ORIGIN.block_key(0))
    archiver.archive(DATA[0], "it")
    said = halts(Halt.SQUATTED, archiver.check_written)
    assert "delete marker that is older than the block" in said
    archiver = new_archiver(vault)
    archiver.recover()
    vault.marked.add(ORIGIN.block_key(1))
    vault.faults["put"] = ["after"]  # the answer is lost, and the next attempt finds the block there
    assert "delete marker that is older than the block" in halts(Halt.SQUATTED, archiver.archive, DATA[1], "it")


def test_a_delete_marker_that_was_there_before_a_block_is_found_after_a_crash(vault: FaultyVault) -> None:
    archiver = new_archiver(vault)
    archiver.recover()
    archiver.archive(DATA[0], "it")
    vault.marked.add(ORIGIN.block_key(1))
    for data in DATA[1:]:
        archiver.archive(data, "it")
    archiver = new_archiver(vault)  # the one before was killed, and had checked nothing
    archiver.recover()
    archiver.archive(DATA[0], "it")
    said = halts(Halt.SQUATTED, archiver.archive, DATA[1], "it")
    assert ORIGIN.block_key(1) in said
    assert "delete marker that is older than the block" in said


def test_a_superseded_run_whose_check_fails_does_not_stop_the_next(vault: FaultyVault) -> None:
    archiver = new_archiver(vault, PINNED, NEXT_LOG)
    archiver.recover()
    archiver.archive(DATA[0], "it")
    vault.marked.add(ORIGIN.block_key(1))
    archiver.archive(DATA[1], "it")
    archiver.check_written()
    assert archiver.check_due_in() is None
    for data in (DATA[2], next_run_block()):
        archiver.archive(data, "it")
    archiver.check_written()
    assert [key for key, _ in vault.puts] == [*map(ORIGIN.block_key, range(2)), NEXT_RUN.block_key(0)]


def test_a_delete_marker_over_our_own_block_changes_nothing(
    vault: FaultyVault, monkeypatch: pytest.MonkeyPatch
) -> None:
    archiver = new_archiver(vault)
    archiver.recover()

    def mark(**_: object) -> Callable[[object], int]:
        return lambda _: vault.marked.add(ORIGIN.block_key(0)) or 0

    monkeypatch.setattr(retry, "wait_random_exponential", mark)  # between a lost answer and the next attempt
    vault.faults["put"] = ["after"]
    archiver.archive(DATA[0], "it")
    archiver.check_written()
    assert len(vault.puts) == 1
    assert read_log_state(vault, PINNED) == STATES[1]


NEXT_RUN = Origin(ORIGIN.cluster, ORIGIN.topic, ORIGIN.partition, 1)
NEXT_LOG = PinnedLog(NEXT_RUN, (VerifierKey(str(NEXT_RUN), SIGNER.public),))


def next_run_block() -> bytes:
    predecessor = Predecessor(str(ORIGIN), 1, STATES[1].root, ("k",))
    return sealed(messages([5]), LogState.genesis(NEXT_RUN, NEXT_LOG.keys), predecessor=predecessor).format()


def test_a_superseded_run_is_still_archived(vault: FaultyVault) -> None:
    archiver = new_archiver(vault, PINNED, NEXT_LOG)
    archiver.recover()
    for data in (*DATA, next_run_block()):
        archiver.archive(data, "it")
    assert stored(vault) == [*DATA, next_run_block()]


def test_a_superseded_run_that_forked_does_not_stop_the_next(vault: FaultyVault) -> None:
    store(vault, BLOCKS[0], resigned(BLOCKS[1], sealed_at=NOW + 9))
    halts(Halt.FORK, new_archiver(vault).archive, DATA[1], "it")
    archiver = new_archiver(vault, PINNED, NEXT_LOG)
    archiver.recover()
    for data in (*DATA, next_run_block()):
        archiver.archive(data, "it")
    assert len(stored(vault)) == 3
    assert vault.read(NEXT_RUN.block_key(0)) == next_run_block()


def test_a_run_that_is_not_pinned_is_refused(vault: FaultyVault) -> None:
    said = halts(Halt.INVALID_BLOCK, new_archiver(vault).archive, next_run_block(), "it")
    assert "no log line" in said
