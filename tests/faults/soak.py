"""F22, the soak: `python -m tests.faults.soak [--minutes 30] [--share 0.7] [--rate N]`.

First it finds what this machine carries: the load as fast as it goes for a while, over the time until all of it is in
the vault. Then it loads a share of that, and looks at the memory and file descriptors of each daemon. All parts run:
blocks have a second signature, watcher, index and streams follow, a gateway takes events, an auditor reads in the
explorer, people hold blocks for cases, and a second copy of the vault is kept. The load pauses, so that heartbeats
come, and the key changes once. Sealer and archiver have the sessions of the product's defaults.
"""

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from statistics import median_low

import psutil

from auditseal_local.ports import accepts
from auditseal_schemas.key import SigningKey
from auditseal_schemas.public_key import ML_DSA_44
from auditseal_sealer.key_file import store_key
from auditseal_vault.http_connections import MOST_CONNECTIONS
from tests.faults.daemon import Daemon, await_true, run_command
from tests.faults.descriptors import descriptors_of
from tests.faults.rig import Pipeline, Rig
from tests.faults.slope import slope
from tests.faults.soak_parts import (
    Explorer,
    Gateway,
    Holds,
    Repeated,
    compare,
    index,
    replicate,
    streams,
    watcher,
)

_PROBE_SECONDS = 20.0
_SAMPLE_SECONDS = 2.0
_ROUNDS = 3  # of load, with silence after each
_SILENCE = 20.0  # s
_HEARTBEAT = 5.0  # s
_UP_SECONDS = 300
_POST_EVERY, _READ_EVERY, _HOLD_EVERY, _REPLICATE_EVERY = 0.5, 5.0, 60.0, 120.0  # s
_WARM_UP = 0.25  # of the soak: caches fill, and do not count
_LAG_BOUND = 30.0  # s
_MEMORY_BOUND = 0.10  # growth over the whole soak, as a share
_DESCRIPTOR_BOUND = 5  # growth of the median, without connections to the store
_STORE, _STORE_BOUND = "store", 2 * MOST_CONNECTIONS  # threads that send much at once: two at most
_LEAST_CASES = 2  # of which one was released


@dataclass
class Samples:
    """One daemon's memory (bytes) and descriptors by their kinds over time (s)."""

    times: list[float] = field(default_factory=list)
    memory: list[float] = field(default_factory=list)
    descriptors: list[Counter[str]] = field(default_factory=list)

    def take(self, pid: int, ports: Mapping[int, str]) -> None:
        """Look at a process and those that it started. One that is ending is not looked at: its end is counted."""
        with suppress(psutil.NoSuchProcess, FileNotFoundError):
            process = psutil.Process(pid)
            family = [process, *process.children(recursive=True)]
            memory = sum(each.memory_info().rss for each in family)
            descriptors = sum((descriptors_of(each, ports) for each in family), Counter[str]())
            self.times.append(time.monotonic())
            self.memory.append(memory)
            self.descriptors.append(descriptors)

    def by_minute(self) -> dict[int, tuple[int, int]]:
        """Return memory (MiB) and descriptors at the beginning of each minute that has a sample."""
        found: dict[int, tuple[int, int]] = {}
        for at, memory, descriptors in zip(self.times, self.memory, self.descriptors, strict=True):
            found.setdefault(int(at - self.times[0]) // 60, (round(memory / 2**20), descriptors.total()))
        return found

    def after_warm_up(self) -> "Samples":
        first = int(len(self.times) * _WARM_UP)
        return Samples(self.times[first:], self.memory[first:], self.descriptors[first:])

    def usual_descriptors(self) -> list[Counter[str]]:
        """Return the median number of each kind in each third of the time."""
        count = len(self.descriptors)
        thirds = [self.descriptors[count * n // 3 : count * (n + 1) // 3] for n in range(3)]
        kinds = sorted(set().union(*self.descriptors))
        return [
            Counter({kind: median_low(each[kind] for each in third) for kind in kinds}) for third in thirds if third
        ]


def main() -> int:
    """Run the soak; return 1 where something grew, lagged or was lost."""
    options = parse()
    with tempfile.TemporaryDirectory(prefix="auditseal-soak-") as folder, Rig(Path(folder), options.seed) as rig:
        rate = options.rate or options.share * capacity(rig)
        print(f"loading {rate:.0f} events/s for {options.minutes:g} min", flush=True)
        found = soak(rig.pipeline("soak", second_key=SigningKey.generate(ML_DSA_44)), rate, options.minutes * 60)
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
        holds = Holds(line)  # before any daemon reads the trust file
        sealer, archiver = changing_sealer(line), line.archiver(static=True)
        del archiver.environment["AUDITSEAL_ARCHIVER__SESSION_TIMEOUT"]
        daemons = [running.enter_context(each) for each in (sealer, archiver)]
        with line.load(200):
            line.await_flow(_UP_SECONDS)  # a vault needs blocks
        explorer, gateway = Explorer(line), Gateway(line)
        readers = (watcher(line), index(line), streams(line), explorer.daemon, gateway.daemon)
        daemons += [running.enter_context(each) for each in readers]
        watched = {each.name: (each, Samples()) for each in daemons}
        ports = {line.rig.minio.ports["api"]: _STORE, **dict.fromkeys(line.rig.kafka.ports.values(), "Kafka")}
        look = partial(sample, watched, ports)
        for part in (explorer, gateway):
            await_true(partial(accepts, part.port), _UP_SECONDS, f"the {part.daemon.name} did not listen")
        lag = 0.0
        for number in range(_ROUNDS):
            with (
                line.load(rate),
                Repeated(gateway.post, _POST_EVERY),
                Repeated(explorer.read, _READ_EVERY),
                Repeated(holds.turn, min(_HOLD_EVERY, seconds / _ROUNDS / 4)),
                Repeated(lambda: replicate(line), _REPLICATE_EVERY),
            ):
                look(seconds / _ROUNDS)
            lag = max(lag, line.await_ends(line.log_ends(), 300))
            look(_SILENCE)
            if number == 0:
                run_command(sealer.environment, "keys", "rotate")
        replicate(line)
        compare(line)
        ends = sum(len(each.ends) for each in daemons)
    settled = {name: samples.after_warm_up() for name, (_, samples) in watched.items()}
    growths = {name: growth(samples) for name, samples in settled.items()}
    usual = {name: samples.usual_descriptors() for name, samples in settled.items()}
    minutes = {name: samples.by_minute() for name, (_, samples) in watched.items()}
    print(
        f"lag back to zero after at most {lag:.1f} s; {growths}; by the minute, MiB and descriptors: {minutes}",
        flush=True,
    )
    print("now all of it is judged, which takes a while", flush=True)
    judgement, _ = line.judge()
    headers = [block.header for block in line.stored_blocks()]
    heartbeats = sum(bool(each.height) and not (each.count or each.next_keys) for each in headers)
    return {
        "seconds": seconds,
        "rate": round(rate),
        "acknowledged": judgement.acknowledged,
        "blocks": judgement.blocks,
        "heartbeats": heartbeats,
        "lag_seconds": round(lag, 1),
        "gateway_requests": gateway.requests,
        "explorer_pages": explorer.requests,
        "explorer_refusals": explorer.refusals,
        "hold_cases": holds.cases,
        "daemons": growths,
        "usual_descriptors_by_third": usual,
        "mib_and_descriptors_by_minute": minutes,
        "problems": problems_of(lag, ends, heartbeats, holds.cases, growths),
    }


def problems_of(lag: float, ends: int, heartbeats: int, cases: int, growths: dict[str, dict[str, float]]) -> list[str]:
    """Return the bounds that a soak missed, each in words."""
    problems = list[str]()
    if lag > _LAG_BOUND:
        problems.append(f"lag was back to zero after {lag:.1f} s only")
    if ends:
        problems.append(f"{ends} daemons ended")
    if not heartbeats:
        problems.append("no heartbeat came in the pauses")
    if cases < _LEAST_CASES:
        problems.append("no hold was released")
    for name, grown in growths.items():
        if grown["memory_growth"] > _MEMORY_BOUND:
            problems.append(f"the {name}'s memory grew by {grown['memory_growth']:.0%}")
        if grown["descriptor_growth"] > _DESCRIPTOR_BOUND:
            problems.append(f"the {name} holds {grown['descriptor_growth']:.0f} more descriptors")
        if grown["most_store_connections"] > _STORE_BOUND:
            problems.append(f"the {name} had {grown['most_store_connections']:.0f} connections to the store")
    return problems


def changing_sealer(line: Pipeline) -> Daemon:
    """Return a sealer that hasn't started, with heartbeats and with the key that follows its first one."""
    following = line.folder / "next.pem"
    store_key(following, SigningKey.generate(), line.passphrase.read_text())
    sealer = line.sealer(static=True)
    del sealer.environment["AUDITSEAL_SEALER__SESSION_TIMEOUT"]
    sealer.environment |= {
        "AUDITSEAL_SEALER__HEARTBEAT": str(_HEARTBEAT),
        "AUDITSEAL_SEALER__NEXT_KEY_FILE": str(following),
        "AUDITSEAL_SEALER__NEXT_PASSPHRASE_FILE": str(line.passphrase),
    }
    return sealer


def sample(watched: dict[str, tuple[Daemon, Samples]], ports: Mapping[int, str], seconds: float) -> None:
    """Look at each daemon again and again for a time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(_SAMPLE_SECONDS)
        for daemon, samples in watched.values():
            samples.take(daemon.command_pid(), ports)


def growth(samples: Samples) -> dict[str, float]:
    """Return the size of memory and descriptors, and how much they grew from first to last sample.

    Memory's growth is that of its slope. Descriptors' growth is that of their median from the first third to the last,
    without the connections to the store: these are kept for a while after many requests at once, so they come and go.
    """
    lasted, by_memory = samples.times[-1] - samples.times[0], slope(samples.times, samples.memory)
    usual = [each.total() - each[_STORE] for each in samples.usual_descriptors()]
    return {
        "memory_mib": round(samples.memory[-1] / 2**20, 1),
        "memory_mib_per_hour": round(by_memory * 3600 / 2**20, 1),
        "memory_growth": round(by_memory * lasted / samples.memory[0], 4),
        "descriptors": samples.descriptors[-1].total(),
        "descriptor_growth": usual[-1] - usual[0],
        "most_store_connections": max(each[_STORE] for each in samples.descriptors),
    }


if __name__ == "__main__":
    sys.exit(main())
