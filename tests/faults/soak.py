"""F22, the soak: `python -m tests.faults.soak [--minutes 30] [--share 0.7] [--rate N]`.

First it finds what this machine carries: the load as fast as it goes for a while, over the time until all of it is in
the vault. Then it loads a share of that, and looks at each daemon's memory and file descriptors. A watcher verifies
meanwhile, and an index follows.
"""

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.faults.daemon import Daemon
from tests.faults.rig import Pipeline, Rig
from tests.faults.slope import slope

_PROBE_SECONDS = 20.0
_SAMPLE_SECONDS = 2.0
_WARM_UP = 0.25  # of the soak: caches fill, and do not count
_SERIES = 30  # samples from one that is told to the next: a minute
_LAG_BOUND = 30.0  # s
_MEMORY_BOUND = 0.10  # growth over the whole soak, as a share
_DESCRIPTOR_BOUND = 5.0  # growth over the whole soak


@dataclass
class Samples:
    """One daemon's memory (bytes) and descriptors over time (s)."""

    times: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    descriptors: list[float] = field(default_factory=list)

    def take(self, pid: int) -> None:
        process = psutil.Process(pid)
        self.times.append(time.monotonic())
        self.memory.append(process.memory_info().rss)
        self.descriptors.append(process.num_fds())

    def after_warm_up(self) -> "Samples":
        first = int(len(self.times) * _WARM_UP)
        return Samples(self.times[first:], self.memory[first:], self.descriptors[first:])


def main() -> int:
    """Run the soak; return 1 where something grew, lagged or was lost."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="auditseal-soak-") as folder, Rig(Path(folder), options.seed) as rig:
        rate = options.rate or options.share * capacity(rig)
        print(f"loading {rate:.0f} events/s for {options.minutes:g} min", flush=True)
        found = soak(rig.pipeline("soak"), rate, options.minutes * 60)
    Path(options.json).write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))
    return 1 if found["problems"] else 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--share", type=float, default=0.7, help="of what this machine carries")
    parser.add_argument("--rate", type=float, default=0, help="events a second, instead of a share")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", default="soak.json")
    return parser.parse_args()


def capacity(rig: Rig) -> float:
    """Return how many events a second go from the service's call into the vault."""
    line = rig.pipeline("capacity")
    with line.sealer(static=True), line.archiver(static=True):
        with line.load(200):
            line.await_flow()
        before, begun = len(line.ledger().entries), time.monotonic()
        with line.load(1e6):
            time.sleep(_PROBE_SECONDS)
        line.await_ends(line.log_ends(), 300)
        seconds = time.monotonic() - begun
    carried = (len(line.ledger().entries) - before) / seconds
    print(f"this machine carries {carried:.0f} events/s", flush=True)
    return carried


def soak(line: Pipeline, rate: float, seconds: float) -> dict[str, object]:
    """Load the pipeline; return the observations, `problems` among it."""
    with ExitStack() as running:
        daemons = [running.enter_context(each) for each in (line.sealer(static=True), line.archiver(static=True))]
        with line.load(rate):
            line.await_flow()
            daemons += [running.enter_context(each) for each in (watcher(line), index(line))]  # a vault needs blocks
            watched = {each.name: (each, Samples()) for each in daemons}
            deadline = time.monotonic() + seconds
            while time.monotonic() < deadline:
                time.sleep(_SAMPLE_SECONDS)
                for daemon, samples in watched.values():
                    samples.take(daemon.command_pid())
        lag = line.await_ends(line.log_ends(), 300)
        ends = sum(len(each.ends) for each in daemons)
    growths = {name: growth(samples.after_warm_up()) for name, (_, samples) in watched.items()}
    series = {
        name: [round(size / 2**20) for size in samples.memory[::_SERIES]] for name, (_, samples) in watched.items()
    }
    print(f"lag back to zero after {lag:.1f} s; {growths}; by the minute, MiB: {series}", flush=True)
    print("now all of it is judged, which takes a while", flush=True)
    judgement, _ = line.judge()
    problems = [f"lag was back to zero after {lag:.1f} s only"] * (lag > _LAG_BOUND) + [f"{ends} daemons ended"] * (
        ends > 0
    )
    for name, grown in growths.items():
        if grown["memory_growth"] > _MEMORY_BOUND:
            problems.append(f"the {name}'s memory grew by {grown['memory_growth']:.0%}")
        if grown["descriptor_growth"] > _DESCRIPTOR_BOUND:
            problems.append(f"the {name} holds {grown['descriptor_growth']:.0f} more descriptors")
    return {
        "seconds": seconds,
        "rate": round(rate),
        "acknowledged": judgement.acknowledged,
        "blocks": judgement.blocks,
        "lag_seconds": round(lag, 1),
        "daemons": growths,
        "memory_by_minute_mib": series,
        "problems": problems,
    }


def watcher(line: Pipeline) -> Daemon:
    """Return a watcher of the pipeline's vault that hasn't started."""
    settings = {
        "AUDITSEAL_WATCH__TRUST_FILE": str(line.trust_file),
        "AUDITSEAL_WATCH__STATE_FILE": str(line.folder / "heads.json"),
    }
    return Daemon(
        "watch", "auditseal", line.environment() | settings, line.folder / "watch.log", "watch", "--state-new"
    )


def index(line: Pipeline) -> Daemon:
    """Return a follower of the pipeline's vault that hasn't started."""
    places = ["--trust", str(line.trust_file), "--vault", line.vault_url(), "--index", str(line.folder / "index")]
    return Daemon(
        "index", "auditseal", line.rig.minio.client_environment(), line.folder / "index.log", "index", "follow", *places
    )


def growth(samples: Samples) -> dict[str, float]:
    """Return the size of memory and descriptors and, by the slope, how much they grew from first to last sample."""
    lasted = samples.times[-1] - samples.times[0]
    by_memory, by_descriptors = slope(samples.times, samples.memory), slope(samples.times, samples.descriptors)
    return {
        "memory_mib": round(samples.memory[-1] / 2**20, 1),
        "memory_mib_per_hour": round(by_memory * 3600 / 2**20, 1),
        "memory_growth": round(by_memory * lasted / samples.memory[0], 4),
        "descriptors": samples.descriptors[-1],
        "descriptor_growth": round(by_descriptors * lasted, 2),
    }


if __name__ == "__main__":
    sys.exit(main())
