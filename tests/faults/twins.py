"""F6-F8: more than one sealer and archiver, zombies, and a group that rebalances."""

import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from auditseal_schemas.origin import Origin
from tests.faults.daemon import Daemon, await_true
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.rig import Pipeline
from tests.faults.sealer_main import LATE_COMMIT, STALLING

_DRAIN = 60.0  # s
_SESSION = 6.0  # s, of the daemons here
_START = 60.0  # s, in which a daemon must be at work, or in its group
_FENCED = "another sealer has taken a log over"
_FAILED = 1  # the exit code of a daemon that its supervisor is to start again


@fault("F6", "two sealers on one chain: in two groups, in one, and in one under the same name", 12)
def two_sealers(trial: Trial) -> Outcome:
    line = trial.pipeline(partitions=1)
    ways, met = (other_group, same_group, same_instance), list[str]()
    with line.sealer("first", static=True) as first, line.archiver():
        with line.load():
            line.await_flow()
            for number in range(trial.rounds):
                met.append(ways[number % len(ways)](trial, line, first, number))
                line.await_flow()
        line.await_archived(_DRAIN)
    return trial.judge(line, "; ".join(f"{met.count(way)} times {way}" for way in sorted(set(met))))


def other_group(trial: Trial, line: Pipeline, first: Daemon, number: int) -> str:
    """Start a second sealer in a group of its own, so that only the producer's fencing knows of it."""
    before = time.time()
    with line.sealer(f"other-{number}", group="another.group") as second:
        await_true(lambda: fencings(before, first, second) > 0, _START, "nobody of two groups was fenced")
        trial.inject()
        trial.pause(2, 4)  # they fight on
    return "another group: one was fenced"


def same_group(trial: Trial, line: Pipeline, first: Daemon, number: int) -> str:
    """Start a second member: the one partition has one owner, and nobody is fenced."""
    before, group = time.time(), f"{line.name}.sealer"
    with line.sealer(f"same-{number}") as second:
        await_true(lambda: members(line, group) == 2, _START, f"{group} has {members(line, group)} members")
        trial.inject()
        trial.pause(2, 4)
        told = fencings(before, first, second)
    assert not told, f"two members of one group wrote one log: fenced {told} times"
    return "the same group: one waited"


def same_instance(trial: Trial, line: Pipeline, first: Daemon, number: int) -> str:
    """Start a second sealer under the first one's name in the group: the group fences one, whose process must end."""
    ended, second = len(first.ends), line.sealer(f"twin-{number}")
    second.environment["AUDITSEAL_SEALER__INSTANCE"] = first.name
    with second:
        await_true(lambda: len(first.ends) + len(second.ends) > ended, _START, "neither twin of one name ended")
        trial.inject()
    codes = {end.code for end in [*first.ends[ended:], *second.ends]}
    assert codes == {_FAILED}, f"twins of one name ended with {codes}, not with {_FAILED}"
    return "the same name: one ended, and was started again"


def fencings(since: float, *sealers: Daemon) -> int:
    """Return how often sealers said that another one had fenced them."""
    told = [told for sealer in sealers for told in sealer.told("not sealing, will recover the head", since)]
    failed = [told for sealer in sealers for told in sealer.told("failed", since)]
    return sum(_FENCED in str(one.line.get("problem")) for one in told + failed)


def members(line: Pipeline, group: str) -> int:
    """Return how many members a group has."""
    described = line.rig.admin.describe_consumer_groups([group])[group].result(10)
    return len(described.members)


@fault("F7", "SIGSTOP a sealer past its session, then SIGCONT; in half of the rounds within a transaction", 10)
def zombie(trial: Trial) -> Outcome:
    line = trial.pipeline(partitions=1)
    within = trial.rounds // 2
    with line.archiver():
        with line.load():
            with line.sealer("one") as one, line.sealer("two") as two:
                line.await_flow()
                for _ in range(trial.rounds - within):
                    stop_past_session(trial, line, max(one, two, key=last_sealing))
            for number in range(within):
                stop_within_transaction(trial, line, number)
        with line.sealer("last"):
            line.await_archived(_DRAIN)
    return trial.judge(line, f"{within} of them between send_offsets and commit: nothing of it was committed")


def stop_past_session(trial: Trial, line: Pipeline, sleeper: Daemon) -> None:
    """Let the one that seals sleep, wherever it is, until its peer has its partition; then let it wake."""
    sleeper.signal(signal.SIGSTOP)
    trial.inject()
    time.sleep(_SESSION + trial.dice.uniform(2, 4))
    line.await_flow()
    sleeper.signal(signal.SIGCONT)
    trial.pause(2, 3)


def stop_within_transaction(trial: Trial, line: Pipeline, number: int) -> None:
    """Let a sealer sleep with its offsets sent and its block not committed, and wake when an heir has sealed.

    What it sent must be aborted, and its commit refused, whichever it hears first: of that, or of its lost partition.
    """
    with line.sealer(f"zombie-{number}", stall_after="offsets_sent:3") as sleeper:
        stalled = sleeper.await_told(STALLING, 0, _START).at
        sleeper.signal(signal.SIGSTOP)
        trial.inject()
        with line.sealer(f"heir-{number}") as heir:
            heir.await_told("sealing", stalled, _START)
            line.await_flow()
            sleeper.signal(signal.SIGCONT)
            await_true(lambda: gave_way(sleeper, stalled), _START, f"{sleeper.name} was neither fenced nor given up")
            trial.pause(2, 3)
            assert not sleeper.told(LATE_COMMIT), f"{sleeper.name} committed after its heir had sealed"


def gave_way(sealer: Daemon, since: float) -> bool:
    """Whether a sealer heard that it had lost its log: from the coordinator of its transaction, or from its group."""
    return fencings(since, sealer) > 0 or bool(sealer.told("partitions were lost to the group", since))


def last_sealing(sealer: Daemon) -> float:
    """Return when a sealer last said that it seals."""
    return max((told.at for told in sealer.told("sealing")), default=0.0)


@fault("F8", "rebalances: 1, 3, 1 sealers and archivers on 6 partitions", 100)
def rebalance(trial: Trial) -> Outcome:
    line, rebalances, shared = trial.pipeline(partitions=6), 0, 0
    crews = [Crew(line.sealer(f"sealer-{number}"), line.archiver(f"archiver-{number}")) for number in (1, 2, 3)]
    crews[0].start()
    with ExitStack() as stack, line.load():
        stack.callback(stop_all, crews)
        line.await_flow()
        while rebalances < trial.rounds:
            for size in (2, 3, 2, 1):
                trial.pause(0, 1)
                trial.inject()
                if size > running(crews):
                    crews[size - 1].start()
                else:
                    crews[size].stop()
                await_owners(crews[:size], crews, line.partitions)
                rebalances += 1
                shared += size == len(crews)
        line.await_flow()
    with crews[0].sealer, crews[0].archiver:
        line.await_archived(_DRAIN)
    assert shared, "the three never shared the partitions"
    return trial.judge(line, f"{rebalances} seen in the logs of both groups; {shared} times all three had partitions")


@dataclass(frozen=True)
class Crew:
    """A sealer and an archiver that come and go together."""

    sealer: Daemon
    archiver: Daemon

    def start(self) -> None:
        self.sealer.start()
        self.archiver.start()

    def stop(self) -> None:
        self.sealer.stop()
        self.archiver.stop()


def stop_all(crews: Sequence[Crew]) -> None:
    for crew in crews[: running(crews)]:
        crew.stop()


def running(crews: Sequence[Crew]) -> int:
    return sum(crew.sealer.running for crew in crews)


def await_owners(owning: Sequence[Crew], crews: Sequence[Crew], partitions: int) -> None:
    """Wait until, by the logs, all partitions have owners, and these are exactly some crews: each has at least one."""
    for event, parts in (
        ("sealing", {crew.sealer: crew in owning for crew in crews}),
        ("assigned", {crew.archiver: crew in owning for crew in crews}),
    ):
        wanted = {daemon.name for daemon, owns in parts.items() if owns}
        await_true(
            partial(are_settled, parts, event, wanted, partitions),
            _START,
            f"not exactly {sorted(wanted)} have partitions: see the lines {event!r} in the logs",
        )


def are_settled(daemons: Iterable[Daemon], event: str, wanted: set[str], partitions: int) -> bool:
    found = owners(daemons, event)
    return len(found) == partitions and set(found.values()) == wanted


def owners(daemons: Iterable[Daemon], event: str) -> dict[int, str]:
    """Return, by partition, the name of the daemon that was the last to say that it has it."""
    told = sorted((told.at, partition_of(told.line), daemon.name) for daemon in daemons for told in daemon.told(event))
    return {partition: name for _, partition, name in told}


def partition_of(line: Mapping[str, Any]) -> int:
    """Return the partition of a line of a sealer's or of an archiver's log."""
    return Origin.parse(line["origin"]).partition if "origin" in line else int(line["partition"])
