"""How costs grow with blocks and with partitions: `make growth` measures, and writes `growth.json` and the plots.

One step with many blocks behind it is measured at 10³, 10⁵ and 10⁶: sealing a block, verifying one, finding the head of
a directory, proving an event. For these the vault is `bench_proofs`': most of its files are links to one. Listing all
names of that directory is a pass over them. Two more passes are measured on real blocks of one record: verifying all
blocks, and building their index. Sealers and passes with many partitions are in `growth_partitions`.

All seconds are the processor's, of this process or of the sealer; a step's are the best of a few rounds. So other load
of the machine hardly counts.

`python -m tests.bench.growth PART …` measures some of the parts `steps`, `passes`, `partitions` and `logs` again; the
other figures of `growth.json` stay. `--sizes 100000` measures at these sizes instead of each part's own.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import process_time

from auditseal_auditor.blocks.prover import prove_offset
from auditseal_schemas.block import Block
from auditseal_schemas.log import LogState
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verification import RECORDS, verify
from auditseal_vault.head import head_height
from auditseal_vault.log_reader import LogReader
from auditseal_vault.open import open_reader
from tests.bench import bench_verify, growth_partitions
from tests.bench.bench_proofs import fill, lone_block, seal_log, seal_one, timed
from tests.bench.bench_verify import KEY, ORIGIN, TRUST
from tests.bench.growth_plot import Points, exponent, plot

STEP_SIZES = (1_000, 100_000, 1_000_000)
PASS_SIZES = (1_000, 10_000, 100_000)
PARTITIONS = (1, 10, 50, 100)
"""Of one sealer."""
LOGS = (1, 10, 100)
"""That are verified and indexed."""
STEPS = ("seal one block", "verify one block", "find a directory's head", "prove one event")
LISTING = "list a directory"
PASSES = ("verify all blocks", "index all blocks")
MOST_EXPONENT = dict.fromkeys(STEPS, 0.2) | dict.fromkeys((LISTING, *PASSES), 1.25) | growth_partitions.MOST_EXPONENT
"""A step may grow with the logarithm of the blocks, under n^0.2 here, and a pass with their number and a sort.

A sort is n^1.1 over these sizes. The rest of the 1.25 is for a machine that does other work: passes of one size varied
threefold on it."""
DATA = Path(__file__).parent / "growth.json"
PLOTS = {"blocks": Path("docs/images/growth.svg"), "partitions": Path("docs/images/growth-partitions.svg")}
"""The plot of each group of operations, by what grows."""
Series = dict[str, Points]
_UNITS = ((1, "s"), (1e3, "ms"), (1e6, "µs"))
_BEST_OF = 5
"""Of a step's rounds."""
_ROUND = 50
"""Steps of a round: one alone is shorter than the clock is exact."""


def measure_steps(folder: Path, size: int) -> dict[str, float]:
    """Return the seconds of each step with that number of blocks behind it."""
    root, offset = folder / "vault", size * 2 // 3
    fill(root, size, offset)
    reader, pinned = open_reader(root.as_uri()), PinnedLog(ORIGIN, (KEY,))
    state = LogState.after(lone_block(size - 1), (KEY,))
    data = seal_one(state, size).format()
    return {
        "seal one block": _seconds(lambda: seal_one(state, size).format(), _ROUND),
        "verify one block": _seconds(lambda: _verify(data, state), _ROUND),
        "find a directory's head": _seconds(LogReader(reader, ORIGIN).height, 1),
        LISTING: timed(lambda: head_height(reader, ORIGIN), process_time),
        "prove one event": _seconds(lambda: prove_offset(reader, pinned, offset), 1),
    }


def _verify(data: bytes, state: LogState) -> LogState:
    block = Block.parse(data)
    following = state.accept(block)
    verify(block, RECORDS, state.expected)
    return following


def measure_passes(folder: Path, size: int) -> dict[str, float]:
    """Return the seconds of each pass over that number of real blocks of one record."""
    seal_log(folder / "vault", size, 1)
    return {
        "verify all blocks": timed(lambda: bench_verify.verify(folder, 1, quick=False), process_time),
        "index all blocks": timed(lambda: growth_partitions.index(folder, TRUST.logs), process_time),
    }


def _seconds(step: Callable[[], object], times: int) -> float:
    """Return the seconds of a step: the best round's, divided by its number of steps."""
    return min(timed(lambda: [step() for _ in range(times)], process_time) for _ in range(_BEST_OF)) / times


def measure_at(size: int, run: Callable[[Path, int], dict[str, float]]) -> Series:
    """Measure at one size, in a folder of its own, and return each operation's size and seconds."""
    print(f"measuring at {size:,}", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="auditseal-growth-") as name:
        return {operation: ((size, seconds),) for operation, seconds in run(Path(name), size).items()}


def too_steep(series: Series) -> list[str]:
    """Return a line for each operation that grows faster than it must."""
    return [
        f"{name} grows with n^{exponent(points):.2f}, at most n^{MOST_EXPONENT[name]} is expected"
        for name, points in series.items()
        if exponent(points) > MOST_EXPONENT[name]
    ]


def load(path: Path = DATA) -> dict[str, Series]:
    """Return the figures of the last measurement, by what grows."""
    return {
        group: {name: tuple((size, cost) for size, cost in each) for name, each in series.items()}
        for group, series in json.loads(path.read_text()).items()
    }


def merge(before: Series, after: Series) -> Series:
    """Return all figures; those measured again replace the earlier ones of the same size."""
    merged = {name: dict(before.get(name, ())) | dict(points) for name, points in after.items()}
    return {**before, **{name: tuple(sorted(costs.items())) for name, costs in merged.items()}}


def main(arguments: Sequence[str]) -> int:
    """Measure the parts that are named; write data and plots; return 1 where something is too steep."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.growth", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", default=["steps", "passes", "partitions", "logs"])
    parser.add_argument("--sizes", nargs="+", type=int, help="blocks or partitions, instead of each part's own")
    options = parser.parse_args(arguments)
    measurements = {
        "steps": ("blocks", STEP_SIZES, measure_steps),
        "passes": ("blocks", PASS_SIZES, measure_passes),
        "partitions": ("partitions", PARTITIONS, growth_partitions.measure_sealer),
        "logs": ("partitions", LOGS, growth_partitions.measure_passes),
    }
    groups = load()
    for part in options.parts:
        group, sizes, run = measurements[part]
        for size in options.sizes or sizes:
            groups[group] = merge(groups.get(group, {}), measure_at(size, run))
            DATA.write_text(json.dumps(groups, indent=1) + "\n")
    for group, series in groups.items():
        PLOTS[group].write_text(plot(series, group))
        print(*table(series), sep="\n")
    steep = [line for series in groups.values() for line in too_steep(series)]
    print("\n".join(steep))
    return 1 if steep else 0


def table(series: Series) -> Iterator[str]:
    """Yield the rows of the page's table, one an operation, with the last column for the exponent."""
    sizes = sorted({size for points in series.values() for size, _ in points})
    yield "| | " + " | ".join(f"{size:,.0f}" for size in sizes) + " | exponent |"
    yield "| --- " * (len(sizes) + 2) + "|"
    for name, points in series.items():
        costs = dict(points)
        cells = (readable(costs[size]) if size in costs else "" for size in sizes)
        yield f"| {name} | " + " | ".join(cells) + f" | {exponent(points):.2f} |"


def readable(seconds: float) -> str:
    """Write seconds in the unit in which they have one to three digits before the point."""
    factor, unit = next(((factor, unit) for factor, unit in _UNITS if seconds * factor >= 1), _UNITS[-1])
    value = seconds * factor
    return f"{value:.1f} {unit}" if value < 100 else f"{value:.0f} {unit}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
