"""F15: a sealer whose clock is wrong."""

from auditseal_schemas.halt import Halt
from tests.faults.fault import Outcome, Trial, fault

_DRAIN = 60.0  # s
_HALT = 30.0  # s within which a daemon must halt
_HOUR, _DAY = 3_600, 86_400


@fault("F15", "the sealer's clock wrong by an hour, by a day, either way", 4)
def wrong_clock(trial: Trial) -> Outcome:
    line, halted = trial.pipeline(partitions=1), 0
    shifts = (-_HOUR, _HOUR, -_DAY, _DAY)
    with line.archiver(static=True):
        with line.load():
            for number in range(trial.rounds):
                shift = shifts[number % len(shifts)]
                with line.sealer(static=True):
                    line.await_flow()
                trial.inject()
                wrong = line.sealer(static=True, clock=shift)
                wrong.start()
                if shift > 0:
                    code = wrong.await_end(_HALT)
                    assert code == Halt.CLOCK.exit_code, f"the sealer halted with {code}, its clock {shift} s ahead"
                    halted += 1
                else:
                    line.await_flow()
                    wrong.stop()
            last = line.sealer(static=True)
            last.start()
            line.await_flow()
        line.await_archived(_DRAIN)
        last.stop()
    times = [block.header.sealed_at for block in line.stored_blocks()]
    assert times == sorted(times), "sealed_at went back"
    return trial.judge(line, f"ahead: {halted} halts (CLOCK); behind: sealed on, times monotonic")
