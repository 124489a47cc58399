"""F9-F12: what a network does to sealer, archiver and their broker."""

import time

from tests.faults.daemon import Daemon
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.kafka_gate import Api, LateRequest, LostResponse, Mute
from tests.faults.tcp_proxy import Direction, OpenGate

_DRAIN = 60.0  # s
_BOUND = 30.0  # s, in which the pipeline must be back


@fault("F9", "cut, delay, hold and reset connections to the broker", 40)
def shake(trial: Trial) -> Outcome:
    line, proxy = trial.pipeline(), trial.rig.kafka_proxy
    ways = ("cut", "delay", "hold", "reset")
    slowest = 0.0
    with line.sealer(static=True, proxied=True), line.archiver(static=True, proxied=True):
        with line.load(proxied=True):
            line.await_flow()
            for number in range(trial.rounds):
                trial.pause(0.5, 2)
                trial.inject()
                match ways[number % len(ways)]:
                    case "cut":
                        proxy.cut()
                    case "delay":
                        proxy.delay = dict.fromkeys(Direction, trial.dice.uniform(0.05, 0.4))
                    case "hold":
                        proxy.hold(trial.dice.choice(list(Direction)))
                    case "reset":
                        proxy.reset()
                trial.pause(0.5, 6)
                proxy.mend()
                mended = time.monotonic()
                line.await_flow()
                slowest = max(slowest, time.monotonic() - mended)
        line.await_archived(_DRAIN)
    assert slowest <= _BOUND, f"once it took {slowest:.1f} s after the line was mended, the bound is {_BOUND:g} s"
    return trial.judge(line, f"at most {slowest:.1f} s after the line was mended")


@fault("F10", "the response to EndTxn lost", 10)
def lose_end_response(trial: Trial) -> Outcome:
    line = trial.pipeline()
    with line.sealer(static=True, proxied=True), line.archiver(static=True):
        with line.load():
            line.await_flow()
            for _ in range(trial.rounds):
                gate = LostResponse()
                trial.rig.kafka_proxy.gate = gate
                assert gate.done.wait(_BOUND), "no commit passed the proxy"
                trial.inject()
                line.await_flow()
        line.await_archived(_DRAIN)
    trial.rig.kafka_proxy.gate = OpenGate()
    return trial.judge(line)


@fault("F11", "EndTxn delayed past the next begin", 5)
def delay_end(trial: Trial) -> Outcome:
    line, answers = trial.pipeline(partitions=1), list[str]()
    with line.sealer(static=True, proxied=True) as sealer, line.archiver(static=True):
        with line.load():
            line.await_flow()
            for _ in range(trial.rounds):
                gate = LateRequest()
                trial.rig.kafka_proxy.gate = gate
                assert gate.held.wait(_BOUND), "no commit passed the proxy"
                trial.inject()
                assert gate.delivered.wait(2 * _BOUND), "no later transaction began"
                time.sleep(1)
                answers.append(gate.describe_answer())
                assert sealer.halt is None, f"the sealer halted with {sealer.halt}"
                line.await_flow()
        line.await_archived(_DRAIN)
    trial.rig.kafka_proxy.gate = OpenGate()
    return trial.judge(line, f"the broker's answers to the late requests: {', '.join(sorted(set(answers)))}")


@fault("F12", "the coordinator mute, then down, during send_offsets", 6)
def lose_coordinator(trial: Trial) -> Outcome:
    line = trial.pipeline(partitions=1)
    with line.sealer(static=True, proxied=True) as sealer, line.archiver(static=True):
        with line.load():
            line.await_flow()
            for number in range(trial.rounds):
                if number % 2:
                    kill_coordinator(trial)
                else:
                    mute_coordinator(trial, Mute(Api.ADD_OFFSETS if number % 4 else Api.TXN_OFFSET_COMMIT))
                line.await_flow(90)
        line.await_archived(_DRAIN)
    return trial.judge(line, f"the sealer ended with {describe_ends(sealer)}")


def mute_coordinator(trial: Trial, gate: Mute) -> None:
    """Let the requests that send offsets go unanswered, for longer than the sealer waits."""
    trial.rig.kafka_proxy.gate = gate
    assert gate.held.wait(_BOUND), "no offsets were sent"
    trial.inject()
    time.sleep(15)
    trial.rig.kafka_proxy.gate = OpenGate()
    trial.rig.kafka_proxy.reset()


def kill_coordinator(trial: Trial) -> None:
    """Kill the broker while offsets are on their way, and start it again after a while."""
    gate = Mute(Api.TXN_OFFSET_COMMIT)
    trial.rig.kafka_proxy.gate = gate
    assert gate.held.wait(_BOUND), "no offsets were sent"
    trial.inject()
    trial.rig.kafka.kill()
    trial.rig.kafka_proxy.gate = OpenGate()
    trial.pause(1, 5)
    trial.rig.kafka.start()


def describe_ends(daemon: Daemon) -> str:
    return ", ".join(str(end.code) for end in daemon.ends) or "none: it recovered by itself"
