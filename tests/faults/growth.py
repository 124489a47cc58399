"""F30: partitions grow from 3 to 6 under load, and a second events topic joins. Healthy logs never stop."""

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from auditseal_daemon.topics import grow_topics
from auditseal_schemas.halt import Halt
from tests.faults.daemon import Daemon, await_true
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.observed import metrics, readiness
from tests.faults.rig import Pipeline

_BEFORE, _AFTER = 3, 6
_SOON = 90.0  # s
_DRAIN = 90.0  # s
_STATE = re.compile(r'auditseal_log_state{partition="(\d+)",state="(\w+)",[^}]*} 1\.0')
_LOOK = 0.1  # s
_PAUSE = 10.0  # s


@fault("F30", "partitions grow from 3 to 6 under load; a second events topic joins", 1)
def grow_under_load(trial: Trial) -> Outcome:
    line = trial.pipeline(partitions=_BEFORE)
    sealer = line.sealer(static=True)
    with sealer:
        with line.load(), line.archiver(static=True) as archiver:
            line.await_flow()
            with steady(sealer, "sealing"), steady(archiver, "archiving"):
                trial.inject()
                grow(line)
                await_states(sealer, dict.fromkeys(range(_AFTER), "sealing"))
                await_states(
                    archiver, {number: "archiving" if number < _BEFORE else "unpinned" for number in range(_AFTER)}
                )
                assert f"{line.origins[-1]}" in str(readiness(archiver)) or "partition 5" in str(readiness(archiver))
                joined = join_second_topic(trial, line)
        # the archiver reads the trust file when it starts
        with line.archiver("archiver-again", static=True) as archiver:
            with line.load():
                archiver.await_told("started", 0, _SOON)
                await_states(archiver, dict.fromkeys(range(_AFTER), "archiving"))
                line.await_flow()
            line.await_archived(_DRAIN)
    assert sealer.lives == 1, f"the sealer was started {sealer.lives} times"
    first = trial.judge(
        line, "the three old logs were sealed and archived all the time, and the three new ones after it"
    )
    second = trial.judge(joined)
    return Outcome(
        injected=2,
        acknowledged=first.acknowledged + second.acknowledged,
        sealed=first.sealed + second.sealed,
        recoveries=first.recoveries,
        note=f"{first.note}; a second topic was refused the first one's blocks topic, and has its own",
    )


def grow(line: Pipeline) -> None:
    """Grow both topics and the trust file in the order of `auditseal topics grow`."""

    def pin_logs() -> None:
        line.partitions = _AFTER
        line.trust_file.write_text(line.trust)

    grow_topics(line.rig.cluster(), line.events, line.blocks, _AFTER, pin_logs)


def join_second_topic(trial: Trial, first: Pipeline) -> Pipeline:
    """Seal and archive a second events topic next to the first one, after its sealer was refused a foreign topic."""
    line = trial.pipeline(partitions=1)
    wrong = line.sealer("sealer-wrong")
    wrong.environment["AUDITSEAL_BLOCKS_TOPIC"] = first.blocks
    wrong.start()
    code = wrong.await_end(_SOON)
    assert code == Halt.TOPIC_MISCONFIGURED.exit_code, f"a foreign blocks topic ended the sealer with {code}"
    with line.sealer(), line.archiver():
        with line.load():
            line.await_flow()
        line.await_archived(_DRAIN)
    return line


@contextmanager
def steady(daemon: Daemon, state: str) -> Iterator[None]:
    """Check that each log that there was before has a state within, and none is out of it for long.

    A rebalance ends a transaction that is under way. Its log is recovered, and sealed again a moment later.
    """
    over, paused = threading.Event(), [0.0]

    def look_on() -> None:
        fine = time.monotonic()
        while not over.wait(_LOOK):
            seen = states(daemon)
            if all(seen.get(number) == state for number in range(_BEFORE)):
                fine = time.monotonic()
            paused[0] = max(paused[0], time.monotonic() - fine)

    thread = threading.Thread(target=look_on, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(10)
    assert paused[0] > 0, f"nobody looked at {daemon.name}"
    assert paused[0] < _PAUSE, f"{daemon.name}: a healthy log was not {state} for {paused[0]:.1f} s"


def await_states(daemon: Daemon, expected: dict[int, str]) -> None:
    await_true(lambda: states(daemon) == expected, _SOON, f"{daemon.name} didn't get to {expected}")


def states(daemon: Daemon) -> dict[int, str]:
    """Return each partition's state by the daemon's metric."""
    return {int(partition): state for partition, state in _STATE.findall(metrics(daemon))}
