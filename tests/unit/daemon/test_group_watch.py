"""Whether each partition has a member that works on it: from values, from bytes, and from a scripted client."""

import struct
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from confluent_kafka import KafkaError, KafkaException

from auditseal_daemon import group_watch
from auditseal_daemon.group_watch import GroupView, GroupWatch, MemberView, describe_group, parse_assignment

OURS = "auditseal-archiver"


def member(*partitions: int, client_id: str = OURS, member_id: str = "m") -> MemberView:
    return MemberView(member_id, client_id, "/10.0.0.7", partitions)


def assignment(**topics: list[int]) -> bytes:
    """Encode an assignment as Kafka's clients do."""
    data = struct.pack(">hi", 3, len(topics))
    for name, partitions in topics.items():
        data += struct.pack(">h", len(name)) + name.encode()
        data += struct.pack(f">i{len(partitions)}i", len(partitions), *partitions)
    return data + struct.pack(">i", -1)


@pytest.mark.parametrize(
    "members",
    [
        [member(0, 1, 2)],
        [member(2), member(0, 1), member()],
        [member(0, 1, 2), member(client_id="console-consumer")],  # of another topic, or a spare
    ],
)
def test_all_partitions_are_worked_on(members: list[MemberView]) -> None:
    assert describe_group("archiver", OURS, members, 3) == GroupView()


def test_another_kind_of_client_that_has_partitions_is_named() -> None:
    found = describe_group("archiver", OURS, [member(0), member(1, 2, client_id="console-consumer")], 3)
    assert "has partitions 1, 2: client id 'console-consumer' at /10.0.0.7" in (found.problem or "")
    assert found.must_rejoin is None, "that would not help"
    unread = MemberView("m", "other", "/h", None)
    assert "can't be read" in (describe_group("archiver", OURS, [member(0, 1, 2), unread], 3).problem or "")


def test_partitions_that_nobody_has_are_named() -> None:
    members = [member(1, member_id="b"), member(member_id="a", client_id="other"), member(member_id="c")]
    expected = GroupView("partitions 0, 2 aren't assigned to any sealer", must_rejoin="b")
    assert describe_group("sealer", OURS, members, 3) == expected
    many = describe_group("sealer", OURS, [], 30).problem
    assert many == "partitions 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 20 more aren't assigned to any sealer"


def test_an_assignment_is_read_topic_by_topic() -> None:
    data = assignment(blocks=[2, 0], other=[5], empty=[])
    assert [parse_assignment(data, name) for name in ("blocks", "other", "empty", "none")] == [(2, 0), (5,), (), ()]
    assert parse_assignment(b"", "blocks") == ()


@pytest.mark.parametrize("cut", range(1, len(assignment(blocks=[2, 0])) - 4))
def test_an_assignment_that_is_cut_off_is_none(cut: int) -> None:
    assert parse_assignment(assignment(blocks=[2, 0])[:cut], "blocks") is None


@pytest.mark.parametrize(
    "data",
    [
        struct.pack(">hihhi", 0, 2**31 - 1, -8, 0, 0) * 4,
        struct.pack(">hih", 0, 1, 0) + struct.pack(">i", -1),
        struct.pack(">hih", 0, 1, 0) + struct.pack(">i", 2**31 - 1),
    ],
    ids=["a negative length", "a negative number", "a number too large"],
)
def test_an_assignment_that_lies_is_none(data: bytes) -> None:
    assert parse_assignment(data, "") is None


class ScriptedAdmin:
    """An administrative client whose group is what the test says."""

    def __init__(self) -> None:
        self.state, self.members, self.partitions = "Stable", [(OURS, assignment(blocks=[0, 1]))], 2
        self.error: Exception | None = None
        self.looks = 0

    def list_groups(self, group: str, timeout: float) -> list[Any]:
        self.looks += 1
        if self.error:
            raise self.error
        members = [
            SimpleNamespace(id=f"{name}-1", client_id=name, client_host="/h", assignment=assigned)
            for name, assigned in self.members
        ]
        return [SimpleNamespace(state=self.state, members=members)]

    def list_topics(self, topic: str, timeout: float) -> SimpleNamespace:
        return SimpleNamespace(topics={topic: SimpleNamespace(error=None, partitions=range(self.partitions))})


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch):
    admin = ScriptedAdmin()
    monkeypatch.setattr(group_watch, "LOOK_SECONDS", 0.005)
    monkeypatch.setattr(group_watch, "AdminClient", lambda settings: admin)
    watch = GroupWatch({}, "g", "blocks", "archiver", OURS)
    watch.start()
    yield watch, admin
    watch.close()


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.mark.parametrize(
    "error",
    [KafkaException(KafkaError(KafkaError._TRANSPORT)), ImportError("Module not found"), KeyError("blocks")],
    ids=lambda error: type(error).__name__,
)
def test_a_foreign_member_shows_until_it_is_gone(watched: tuple[GroupWatch, ScriptedAdmin], error: Exception) -> None:
    watch, admin = watched
    eventually(lambda: admin.looks > 3)
    assert watch.problem is None
    admin.members = [(OURS, assignment(blocks=[0])), ("console-consumer", assignment(blocks=[1]))]
    eventually(lambda: "console-consumer" in (watch.problem or ""))
    admin.error = error
    looks = admin.looks
    eventually(lambda: admin.looks > looks + 3)
    assert watch.problem, "what isn't known stays as it was"
    admin.error, admin.members = None, [(OURS, assignment(blocks=[0, 1]))]
    eventually(lambda: watch.problem is None)


def test_new_partitions_show_until_they_are_assigned_and_a_rebalance_does_not(
    watched: tuple[GroupWatch, ScriptedAdmin],
) -> None:
    watch, admin = watched
    admin.partitions = 3
    eventually(lambda: watch.problem == "partitions 2 aren't assigned to any archiver")
    admin.state = "PreparingRebalance"
    eventually(lambda: watch.problem is None)


def test_a_member_joins_anew_where_a_partition_stays_without_one(watched: tuple[GroupWatch, ScriptedAdmin]) -> None:
    watch, admin = watched
    mine: Any = SimpleNamespace(memberid=lambda: f"{OURS}-1")
    other: Any = SimpleNamespace(memberid=lambda: f"{OURS}-2")
    eventually(lambda: admin.looks > 2 * group_watch.REJOIN_LOOKS)
    assert not watch.take_rejoin(mine)
    admin.partitions = 3
    eventually(lambda: not watch.take_rejoin(other) and watch.take_rejoin(mine))
    assert not watch.take_rejoin(mine)
    looks = admin.looks
    eventually(lambda: watch.take_rejoin(mine))
    assert admin.looks - looks > 10, "a rejoin that doesn't help isn't repeated at once"
