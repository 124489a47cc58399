"""F1-F5 and F23: processes that die."""

import time
from collections.abc import Callable

from auditseal_sealer.hooks import Step
from tests.faults.daemon import Daemon
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.rig import Pipeline

_DRAIN = 60.0  # s
_START = 60.0  # s, in which a daemon must be at work again
_SELF_KILLED = 137
_CERTAIN = 1.0  # there is one recovery of each log in a life: a death that doesn't come then never comes


@fault("F1", "kill -9 the sealer at random, under load", 200)
def kill_sealer(trial: Trial) -> Outcome:
    line = trial.pipeline()
    with line.sealer(static=True) as sealer, line.archiver(static=True):
        with line.load():
            line.await_flow()
            working, starting = kill_often(trial, line, sealer, "sealing", trial.rounds)
        line.await_archived(_DRAIN)
    return trial.judge(line, f"{working} of them at work, {starting} while it started")


def kill_often(trial: Trial, line: Pipeline, daemon: Daemon, works: str, times: int) -> tuple[int, int]:
    """kill -9 a daemon at random: mostly at work, after its life's first line that says so, each fifth time before it.

    Return how often each was.
    """
    working, killed = 0, 0.0
    for number in range(times):
        if number % 5 == 4:
            trial.pause(0.0, 2.0)
        else:
            daemon.await_told(works, killed, _START)
            trial.pause(0.0, 1.0)
        working += bool(daemon.told(works, killed))
        killed = time.time()
        trial.inject()
        daemon.kill()
    assert 2 * working >= times, f"only {working} of {times} kills met {daemon.name} at work"
    line.await_flow()
    return working, times - working


@fault("F2", "kill the sealer at each of 8 points of a transaction", 24)
def kill_sealer_at_points(trial: Trial) -> Outcome:
    line, deaths = trial.pipeline(), {}
    each = max(1, trial.rounds // len(Step))
    with line.sealer(static=True) as sealer, line.archiver(static=True):
        with line.load():
            line.await_flow()
            for step in Step:
                deaths[step] = die_at(trial, sealer, {step: _CERTAIN if step is Step.RECOVERED else 0.2}, each)
        line.await_archived(_DRAIN)
    return trial.judge(line, "deaths " + ", ".join(f"{step} {number}" for step, number in deaths.items()))


@fault("F23", "crash between producing a block and its commit, a read_uncommitted reader watching", 100)
def crash_before_commit(trial: Trial) -> Outcome:
    line = trial.pipeline()
    chances = {Step.PRODUCED: 0.1, Step.FLUSHED: 0.3, Step.OFFSETS_SENT: 0.2}
    with line.sealer(static=True) as sealer, line.archiver(static=True):
        with line.load():
            line.await_flow()
            die_at(trial, sealer, chances, trial.rounds)
        line.await_archived(_DRAIN)
    return trial.judge(line, f"{len(line.published())} blocks published, aborted ones included")


def die_at(trial: Trial, sealer: Daemon, chances: dict[Step, float], times: int) -> int:
    """Let the sealer kill itself so often, after steps by chance, and live on unharmed; return how often it did."""
    sealer.environment["FAULTS_KILL_AFTER"] = ",".join(f"{step.value}:{chance}" for step, chance in chances.items())
    before, deadline = len(sealer.ends), time.monotonic() + 30 + 30 * times
    sealer.kill()
    while (died := self_killed(sealer, before)) < times:
        assert time.monotonic() < deadline, f"the sealer died {died} times after {list(chances)}, not {times}"
        assert sealer.halt is None, f"the sealer halted with {sealer.halt}: see {sealer.log}"
        time.sleep(0.05)
    sealer.environment["FAULTS_KILL_AFTER"] = ""
    trial.times += [end.at for end in sealer.ends[before:] if end.code == _SELF_KILLED]
    sealer.kill()
    return died


def self_killed(daemon: Daemon, before: int) -> int:
    return sum(end.code == _SELF_KILLED for end in daemon.ends[before:])


@fault("F3", "kill -9 the archiver at random, and right before and after a PUT", 200)
def kill_archiver(trial: Trial) -> Outcome:
    line = trial.pipeline()
    own = trial.rounds // 2
    with line.sealer(static=True), line.archiver(static=True) as archiver:
        with line.load():
            line.await_flow()
            working, starting = kill_often(trial, line, archiver, "assigned", trial.rounds - own)
            archiver.environment |= {"FAULTS_KILL_BEFORE_PUT": "0.1", "FAULTS_KILL_AFTER_PUT": "0.25"}
            before, deadline = len(archiver.ends), time.monotonic() + 30 + 30 * own
            archiver.kill()
            while self_killed(archiver, before) < own:
                assert time.monotonic() < deadline, (
                    f"the archiver died {self_killed(archiver, before)} times, not {own}"
                )
                time.sleep(0.05)
            archiver.environment |= {"FAULTS_KILL_BEFORE_PUT": "0", "FAULTS_KILL_AFTER_PUT": "0"}
            trial.times += [end.at for end in archiver.ends[before:] if end.code == _SELF_KILLED]
            archiver.kill()
        line.await_archived(_DRAIN)
    return trial.judge(line, f"{working} of them at work, {starting} while it started, {own} around a PUT")


@fault("F4", "kill -9 the broker, and stop it cleanly, in turn", 40)
def bounce_broker(trial: Trial) -> Outcome:
    kafka = trial.rig.kafka
    return bounce(trial, [kafka.kill, kafka.stop], kafka.start)


@fault("F5", "kill -9 MinIO", 20)
def kill_minio(trial: Trial) -> Outcome:
    minio = trial.rig.minio
    return bounce(trial, [minio.kill], minio.start)


def bounce(trial: Trial, ends: list[Callable[[], None]], start: Callable[[], None]) -> Outcome:
    """End a service in each of some ways, in turn, and start it again after a while."""
    line: Pipeline = trial.pipeline()
    with line.sealer(static=True), line.archiver(static=True):
        with line.load():
            line.await_flow()
            for number in range(trial.rounds):
                trial.pause(1.0, 3.0)
                trial.inject()
                ends[number % len(ends)]()
                trial.pause(0.0, 2.0)
                start()
                line.await_flow()
            time.sleep(1)
        line.await_archived(_DRAIN)
    return trial.judge(line)
