"""One target under atheris, in a process of its own: `python -m tests.fuzz.engine TARGET RUNS FOLDER`.

libFuzzer keeps what reaches new code of the instrumented packages in FOLDER/corpus, an input that broke a promise in
FOLDER/broken. FOLDER/numbers.json says what was seen. The exit code is 0 only where every input kept the promises.
"""

import atexit
import json
import signal
import sys
from pathlib import Path
from random import Random

import atheris

with atheris.instrument_imports(include=["auditseal_schemas", "auditseal_archiver", "auditseal_auditor"]):
    from tests.fuzz.edit import edit_bytes
    from tests.fuzz.target import Target
    from tests.fuzz.targets import TARGETS
    from tests.fuzz.watch import BrokenPromiseError, Watch

_HANG_SECONDS = 60  # of the clock, unlike the watch's bound: an input that never comes back is libFuzzer's to stop


class Engine:
    """The callback for libFuzzer."""

    def __init__(self, target: Target, folder: Path) -> None:
        self._target, self._folder, self._watch = target, folder, Watch(target)

    def try_one(self, data: bytes) -> None:
        """Try an input; where memory rose, keep all that may be at fault."""
        try:
            self._watch.try_one(data)
        except BrokenPromiseError:
            for number, recent in enumerate(self._watch.recent):
                (self._folder / "broken" / f"recent-{number:02}").write_bytes(recent)
            raise

    def mutate(self, data: bytes, max_size: int, seed: int) -> bytes:
        """Change an input in its layers, the smallest parts by libFuzzer, which knows what was compared, or by us."""
        random = Random(seed)

        def edit(part: bytes) -> bytes:
            if random.random() < 0.5:
                return edit_bytes(part, random)
            room = max(len(part) + 64, 64)
            return bytes(atheris.Mutate(part, room))

        return self._target.mutate(data, random, edit)[:max_size]

    def finish(self) -> None:
        """Write what was seen; stop libFuzzer's timer, whose signal would kill a process that is on its way out."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        (self._folder / "numbers.json").write_text(json.dumps(self._watch.numbers.to_json()))


def main(name: str, runs: int, folder: Path) -> None:
    """Fuzz one target; doesn't return."""
    target = TARGETS[name]
    corpus, broken = folder / "corpus", folder / "broken"
    for each in (corpus, broken):
        each.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed-{number:02}").write_bytes(seed)
    engine = Engine(target, folder)
    atexit.register(engine.finish)
    options = {
        "atheris_runs": runs,
        "artifact_prefix": f"{broken}/",
        "max_len": target.longest,
        "rss_limit_mb": 0,  # the watch looks at memory, against a baseline
        "timeout": _HANG_SECONDS,
        "print_final_stats": 1,
    }
    arguments = [sys.argv[0], *(f"-{option}={value}" for option, value in options.items()), str(corpus)]
    atheris.Setup(arguments, engine.try_one, custom_mutator=engine.mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))
