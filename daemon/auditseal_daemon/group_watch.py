"""Whether the group gives every partition of its topic to a member that works on it, and to no other client."""

import struct
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import structlog
from confluent_kafka import Consumer, KafkaException
from confluent_kafka.admin import AdminClient

from auditseal_daemon.kafka_client import describe, settings

LOOK_SECONDS = 3.0
"""From one look at the group to the next. What two looks in a row show is a problem, and not a rebalance."""
REJOIN_LOOKS = 4
"""Looks in a row that show a partition without a member before a member joins again: other ways take less time."""
_PAUSE_LOOKS = 20  # from one such request to the next
_CALL_SECONDS = 2.0
_STABLE = "Stable"
_SHOWN = 10  # partitions that a message names


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member as the group's coordinator describes it.

    Attributes:
        member_id: The id that the coordinator gave it.
        client_id: The kind of client, as it calls itself.
        host: Where it connects from.
        partitions: Its partitions of the topic; None where its assignment can't be read.
    """

    member_id: str
    client_id: str
    host: str
    partitions: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class GroupView:
    """The result of one look at a group.

    Attributes:
        problem: Why some partition isn't worked on, None where each one is.
        must_rejoin: The id of the member that has to join again so that each partition gets a member; None where that
            is not the problem.
    """

    problem: str | None = None
    must_rejoin: str | None = None


def describe_group(role: str, client_id: str, members: Iterable[MemberView], partitions: int) -> GroupView:
    """Return whether each partition is worked on, and if not, why. Pure.

    Args:
        role: What a member does, for the message.
        client_id: The client id of the members that work on partitions.
        members: The group's members.
        partitions: The number of the topic's partitions.
    """
    missing, ours = set(range(partitions)), list[str]()
    for member in members:
        if member.client_id != client_id and (member.partitions is None or member.partitions):
            has = f"partitions {_list(member.partitions)}" if member.partitions else "an assignment that can't be read"
            return GroupView(
                f"another kind of client is a member of the group and has {has}: client id {member.client_id!r} at"
                f" {member.host}. No {role} works on its partitions: stop it"
            )
        ours += [member.member_id] if member.client_id == client_id else []
        missing -= set(member.partitions or ())
    if missing:
        return GroupView(f"partitions {_list(sorted(missing))} aren't assigned to any {role}", min(ours, default=None))
    return GroupView()


def parse_assignment(data: bytes, topic: str) -> tuple[int, ...] | None:
    """Return a topic's partitions from a member's assignment, None where the bytes aren't one.

    The encoding is `ConsumerProtocolAssignment` of the Kafka protocol guide: version, then an array of topics, each
    with an array of partitions.
    """
    if not data:
        return ()
    found: list[int] = []
    try:
        _, count = struct.unpack_from(">hi", data)
        at = 6
        for _ in range(count):
            (length,) = struct.unpack_from(">h", data, at)
            name, at = data[at + 2 : at + 2 + length], at + 2 + length
            (number,) = struct.unpack_from(">i", data, at)
            if length < 0 or number < 0:
                return None
            if name == topic.encode():
                found += struct.unpack_from(f">{number}i", data, at + 4)
            at += 4 + 4 * number
    except struct.error:
        return None
    return tuple(found)


class GroupWatch:
    """A thread that looks at the group now and then, for one of its members.

    It uses `list_groups`, which asks every broker. The newer `describe_consumer_groups` asks the group's coordinator,
    and aborts the process where the connection breaks at the wrong moment (librdkafka#4605).

    A group may not notice that its topic grew: a static member that was restarted meanwhile gets its old partitions
    back, without a rebalance, and sees no change. Then one member has to join again.

    Attributes:
        problem: Why some partition isn't worked on; None where each one is, or as long as that isn't known.
    """

    def __init__(self, client: Mapping[str, str], group: str, topic: str, role: str, client_id: str) -> None:
        """Take the connection and the group; `start` begins."""
        self.problem: str | None = None
        self._must_rejoin: str | None = None
        self._client, self._group, self._topic, self._role, self._client_id = client, group, topic, role, client_id
        self._over = threading.Event()
        self._log: Any = structlog.get_logger(__name__)

    def start(self) -> None:
        """Begin; the first look comes once the group had time to assign partitions."""
        threading.Thread(target=self._look_on, name="group-watch", daemon=True).start()

    def take_rejoin(self, member: Consumer) -> bool:
        """Return whether a member has to join the group again; once for each time that it has to."""
        if self._must_rejoin is None or self._must_rejoin != member.memberid():
            return False
        self._must_rejoin = None
        return True

    def close(self) -> None:
        """Look no more."""
        self._over.set()

    def _look_on(self) -> None:
        admin: AdminClient | None = None
        before, looks = GroupView(), 0
        while not self._over.wait(LOOK_SECONDS):
            try:
                admin = admin or AdminClient(settings(self._client))
                found = self._look(admin)
            except KafkaException as error:
                self._log.debug("the group can't be looked at", problem=describe(error.args[0]))
                admin = None  # a new one logs in with a password that was renewed
                continue
            except Exception as error:  # the watch must not end unnoticed: the client has raised even an ImportError
                self._log.warning("the group can't be looked at", problem=f"{type(error).__name__}: {error}")
                admin = None
                continue
            if found.problem is None or found.problem == before.problem:
                self._show(found.problem)
            looks = looks + 1 if found.must_rejoin and found == before else min(looks + 1, 0)
            if looks == REJOIN_LOOKS:
                self._must_rejoin, looks = found.must_rejoin, -_PAUSE_LOOKS
            before = found

    def _look(self, admin: AdminClient) -> GroupView:
        groups = admin.list_groups(self._group, timeout=_CALL_SECONDS)
        topic = admin.list_topics(self._topic, timeout=_CALL_SECONDS).topics[self._topic]
        if not groups or groups[0].state != _STABLE or topic.error is not None:
            return GroupView()
        members = [
            MemberView(each.id, each.client_id, each.client_host, parse_assignment(each.assignment or b"", self._topic))
            for each in groups[0].members
        ]
        return describe_group(self._role, self._client_id, members, len(topic.partitions))

    def _show(self, found: str | None) -> None:
        if found != self.problem:
            if found:
                self._log.error("the group leaves partitions without a member", group=self._group, problem=found)
            else:
                self._log.info("every partition has a member again", group=self._group)
        self.problem = found


def _list(partitions: Iterable[int]) -> str:
    numbers = list(partitions)
    more = f" and {len(numbers) - _SHOWN} more" if len(numbers) > _SHOWN else ""
    return ", ".join(map(str, numbers[:_SHOWN])) + more
