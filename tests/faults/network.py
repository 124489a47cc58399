"""F9-F12: what a network does to sealer, archiver and their broker."""

import time
from collections.abc import Callable
from functools import partial

from tests.faults.daemon import Daemon, await_true
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.kafka_gate import Api, LateRequest, LostResponse, Mute, SwallowedResponse
from tests.faults.tcp_proxy import Direction, OpenGate

_DRAIN = 60.0  # s
_BOUND = 30.0  # s, in which the pipeline must be back
_REFUSALS = {47, 90}  # INVALID_PRODUCER_EPOCH and PRODUCER_FENCED
_FIRST_CLAIM, _SECOND_CLAIM = 1, 2  # records of the takeover, the second of them after the fencing
_HANG = 25.0  # s: above the 15 after which the sealer's watchdog gives a call up


@fault("F9", "cut, delay, hold and reset connections to the broker", 16)
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
    line, again = trial.pipeline(), 0
    with line.sealer(static=True, proxied=True) as sealer, line.archiver(static=True):
        with line.load():
            line.await_flow()
            for number in range(trial.rounds):
                if number % 2:
                    swallow_end_responses(trial, sealer)
                    again += 1
                else:
                    gate = LostResponse()
                    trial.rig.kafka_proxy.gate = gate
                    assert gate.done.wait(_BOUND), "no commit passed the proxy"
                    trial.inject()
                line.await_flow()
        line.await_archived(_DRAIN)
    trial.rig.kafka_proxy.gate = OpenGate()
    assert again or trial.rounds < 2, "no round lost the response for longer than the sealer waits"
    return trial.judge(line, f"{again} of them for longer than the sealer waits: {again} new producers")


def swallow_end_responses(trial: Trial, sealer: Daemon) -> None:
    """Let a commit's response stay away until the sealer has given its producer up and made another one."""
    gate = SwallowedResponse()
    trial.rig.kafka_proxy.gate = gate
    assert gate.done.wait(_BOUND), "no commit passed the proxy"
    lives, since = sealer.lives, time.time()
    trial.inject()
    sealer.await_told("sealing", since, 2 * _BOUND)
    trial.rig.kafka_proxy.gate = OpenGate()
    assert sealer.lives == lives, "the sealer's process ended: another producer in it would have done"


@fault("F11", "EndTxn delayed past the next begin", 5)
def delay_end(trial: Trial) -> Outcome:
    """Before its log is fenced a late commit may still count, and after that the broker must refuse it."""
    line, answers = trial.pipeline(partitions=1), list[int]()
    with line.sealer(static=True, proxied=True) as sealer, line.archiver(static=True):
        with line.load():
            line.await_flow()
            for number in range(trial.rounds):
                is_fenced = number % 2 == 0
                gate = LateRequest(_SECOND_CLAIM if is_fenced else _FIRST_CLAIM)
                trial.rig.kafka_proxy.gate = gate
                assert gate.held.wait(_BOUND), "no commit passed the proxy"
                trial.inject()
                assert gate.delivered.wait(2 * _BOUND), "no later transaction began"
                assert gate.answered.wait(_BOUND), "the broker didn't answer the late request: did it see it?"
                answers.append(gate.error())
                allowed = _REFUSALS if is_fenced else _REFUSALS | {0}
                assert answers[-1] in allowed, f"the broker answered the late request by {answers[-1]}"
                assert sealer.halt is None, f"the sealer halted with {sealer.halt}"
                line.await_flow()
        line.await_archived(_DRAIN)
    trial.rig.kafka_proxy.gate = OpenGate()
    told = ", ".join(f"{answers.count(error)} times {error}" for error in sorted(set(answers)))
    return trial.judge(line, f"the broker answered late requests: {told}; all behind the fencing were refused")


@fault("F12", "the coordinator mute, then down, during send_offsets", 6)
def lose_coordinator(trial: Trial) -> Outcome:
    line, given_up = trial.pipeline(partitions=1), 0
    with line.sealer(static=True, proxied=True) as sealer, line.archiver(static=True):
        with line.load():
            line.await_flow()
            for number in range(trial.rounds):
                if number % 4 == 1:
                    end = partial(await_true, call_over(sealer), _HANG, "the sealer waited for a dead coordinator")
                    kill_coordinator(trial, end)
                elif number % 2:
                    kill_coordinator(trial, partial(trial.pause, 1, 5))
                else:
                    mute_coordinator(trial, sealer, Api.ADD_OFFSETS if number % 4 else Api.TXN_OFFSET_COMMIT)
                    given_up += 1
                line.await_flow(90)
        line.await_archived(_DRAIN)
    assert sealer.stuck or trial.rounds < 2, "the watchdog never ended a sealer whose call hung on a dead broker"
    return trial.judge(
        line, f"{given_up} calls given up in time; the watchdog ended {sealer.stuck} that hung on a dead broker"
    )


def mute_coordinator(trial: Trial, sealer: Daemon, api: Api) -> None:
    """Let requests that send offsets go unanswered until the sealer's call is given up, by itself or its watchdog."""
    gate, over = Mute(api), call_over(sealer)
    trial.rig.kafka_proxy.gate = gate
    assert gate.held.wait(_BOUND), "no offsets were sent"
    trial.inject()
    await_true(over, _HANG, "the sealer waited for a mute coordinator")
    trial.rig.kafka_proxy.gate = OpenGate()
    trial.rig.kafka_proxy.reset()


def call_over(sealer: Daemon) -> Callable[[], bool]:
    """Return what tells whether, from now on, the sealer's watchdog ended it or a call to send offsets failed."""
    ended, since = len(sealer.ends), time.time()

    def over() -> bool:
        told = sealer.told("not sealing, will recover the head", since)
        failed = any("send_offsets_to_transaction" in str(one.line["problem"]) for one in told)
        return failed or len(sealer.ends) > ended

    return over


def kill_coordinator(trial: Trial, wait: Callable[[], None]) -> None:
    """Kill the broker while offsets are on their way, wait, and start it again."""
    gate = Mute(Api.TXN_OFFSET_COMMIT)
    trial.rig.kafka_proxy.gate = gate
    assert gate.held.wait(_BOUND), "no offsets were sent"
    trial.inject()
    trial.rig.kafka.kill()
    trial.rig.kafka_proxy.gate = OpenGate()
    wait()
    trial.rig.kafka.start()
