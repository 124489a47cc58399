"""F6-F8: more than one sealer and archiver, zombies, and a group that rebalances."""

import json
import signal
import time
from contextlib import ExitStack

from tests.faults.daemon import Daemon
from tests.faults.fault import Outcome, Trial, fault

_DRAIN = 60.0  # s
_SESSION = 6.0  # s, of the daemons here
_FENCED = "another sealer writes this log"


@fault("F6", "two sealers on one chain, in one group and in two groups", 10)
def two_sealers(trial: Trial) -> Outcome:
    line = trial.pipeline(partitions=1)
    with line.sealer("first") as first, line.archiver():
        with line.load():
            line.await_flow()
            for number in range(trial.rounds):
                name, group = (f"same-{number}", "") if number % 2 else (f"other-{number}", "another.group")
                with line.sealer(name, group=group):
                    trial.inject()
                    trial.pause(4, 6)
                line.await_flow()
        line.await_archived(_DRAIN)
    logs = "".join(path.read_text() for path in line.folder.glob("*.log"))
    fenced = logs.count(_FENCED)
    assert fenced, "two sealers of different groups wrote one log, and nobody was fenced"
    return trial.judge(line, f"fenced {fenced} times; the first sealer ended {len(first.ends)} times")


@fault("F7", "SIGSTOP a sealer past its session, then SIGCONT", 10)
def zombie(trial: Trial) -> Outcome:
    line = trial.pipeline(partitions=1)
    with line.sealer("one") as one, line.sealer("two") as two, line.archiver():
        with line.load():
            line.await_flow()
            for _ in range(trial.rounds):
                sleeper = busy_sealer(one, two)
                sleeper.signal(signal.SIGSTOP)
                trial.inject()
                time.sleep(_SESSION + trial.dice.uniform(2, 4))
                line.await_flow()
                sleeper.signal(signal.SIGCONT)
                trial.pause(2, 3)
        line.await_archived(_DRAIN)
    return trial.judge(line)


def busy_sealer(*sealers: Daemon) -> Daemon:
    """Return the one that last said that it seals."""
    return max(sealers, key=lambda sealer: last_sealing(sealer.log.read_text()))


def last_sealing(log: str) -> str:
    """Return when a log last told of sealing, as text that sorts."""
    told = [json.loads(line) for line in log.splitlines() if line.startswith("{") and '"event": "sealing"' in line]
    return str(told[-1]["timestamp"]) if told else ""


@fault("F8", "rebalances: 1, 3, 1 sealers and archivers on 6 partitions", 100)
def rebalance(trial: Trial) -> Outcome:
    line = trial.pipeline(partitions=6)
    with line.sealer("sealer-1"), line.archiver("archiver-1"):
        with line.load():
            line.await_flow()
            while len(trial.times) < trial.rounds:
                with ExitStack() as stack:
                    for number in (2, 3):
                        trial.inject()
                        stack.enter_context(line.sealer(f"sealer-{number}"))
                        stack.enter_context(line.archiver(f"archiver-{number}"))
                        trial.pause(1, 4)
                    trial.times += [time.time(), time.time()]  # both leave
                trial.pause(0.5, 1.5)
            time.sleep(1)
        line.await_archived(_DRAIN)
    return trial.judge(line, "each a join or a leave, of a sealer and of an archiver")
