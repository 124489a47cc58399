"""How costs grow with a log's blocks: `make growth` measures, and writes `growth.json` and the plot of the docs.

One step with many blocks behind it is measured at 10³, 10⁵ and 10⁶: sealing a block, verifying one, finding the head,
proving an event. For these the vault is `bench_proofs`': most of its files are links to one. Listing a directory is a
pass over all of them, since it can't be listed from a key on, as a bucket can. Two more passes are measured on real
blocks of one record, at fewer sizes: verifying all blocks, and building their index.

All seconds are the processor's, of this process; a step's are the best of a few rounds. So other load of the machine
hardly counts.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from auditseal_auditor.blocks.prover import prove_offset
from auditseal_schemas.block import Block
from auditseal_schemas.log import LogState
from auditseal_schemas.trust import PinnedLog
from auditseal_schemas.verification import RECORDS, verify
from auditseal_search.index_builder import IndexBuilder
from auditseal_search.index_store import open_index
from auditseal_search.range_pool import RangePool
from auditseal_vault.head import stored_height
from auditseal_vault.log_reader import LogReader
from auditseal_vault.open import open_reader
from auditseal_vault.thread_reader import ReaderAt
from tests.bench import bench_verify
from tests.bench.bench_proofs import fill, lone_block, seal_log, seal_one
from tests.bench.bench_verify import KEY, ORIGIN
from tests.bench.growth_plot import Points, exponent, plot

STEP_SIZES = (1_000, 100_000, 1_000_000)
PASS_SIZES = (1_000, 10_000)
STEPS = ("seal one block", "verify one block", "find the head", "prove one event")
PASSES = ("list a directory's head", "verify all blocks", "index all blocks")
MOST_EXPONENT = {**dict.fromkeys(STEPS, 0.2), **dict.fromkeys(PASSES, 1.25)}
"""A step may grow with the logarithm of the blocks, under n^0.2 here, and a pass with their number and a sort.

A sort is n^1.1 over these sizes. The rest of the 1.25 is for a machine that does other work: passes of one size varied
threefold on it."""
DATA = Path(__file__).parent / "growth.json"
PLOT = Path("docs/images/growth.svg")
_BEST_OF = 5
"""Of a step's rounds."""
_ROUND = 50
"""Steps of a round: one alone is shorter than the clock is exact."""


def measure_steps(folder: Path, size: int) -> dict[str, float]:
    """Return the seconds of each step with so many blocks behind it."""
    root, offset = folder / "vault", size * 2 // 3
    fill(root, size, offset)
    reader, pinned = open_reader(root.as_uri()), PinnedLog(ORIGIN, (KEY,))
    state = LogState.after(lone_block(size - 1), (KEY,))
    data = seal_one(state, size).format()
    return {
        "seal one block": _seconds(lambda: seal_one(state, size).format()),
        "verify one block": _seconds(lambda: _verify(data, state)),
        "find the head": _seconds(lambda: stored_height(reader, ORIGIN)),
        "list a directory's head": _once(LogReader(reader, ORIGIN).height),
        "prove one event": _seconds(lambda: prove_offset(reader, pinned, offset), 1),
    }


def _verify(data: bytes, state: LogState) -> LogState:
    block = Block.parse(data)
    following = state.accept(block)
    verify(block, RECORDS, state.expected)
    return following


def measure_passes(folder: Path, size: int) -> dict[str, float]:
    """Return the seconds of each pass over so many real blocks of one record."""
    seal_log(folder / "vault", size, 1)
    return {
        "verify all blocks": _once(lambda: bench_verify.verify(folder, 1, quick=False)),
        "index all blocks": _once(lambda: _index(folder)),
    }


def _index(folder: Path) -> None:
    store = open_index((folder / "index").as_uri())
    with RangePool(ReaderAt((folder / "vault").as_uri()), 1) as pool:
        built = IndexBuilder(store, pool).build(PinnedLog(ORIGIN, (KEY,)))
    assert built.fault is None, built.fault


def _seconds(step: Callable[[], object], times: int = _ROUND) -> float:
    """Return the seconds of a step: the best round's, divided by its number of steps."""
    return min(_once(lambda: [step() for _ in range(times)]) for _ in range(_BEST_OF)) / times


def _once(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def collect(steps: Sequence[int], passes: Sequence[int]) -> dict[str, Points]:
    """Measure all, and return each operation's sizes and seconds."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in (*STEPS, *PASSES)}
    for size, figures in (*_each(steps, measure_steps), *_each(passes, measure_passes)):
        for name, seconds in figures.items():
            found[name].append((size, seconds))
    return {name: tuple(points) for name, points in found.items()}


def _each(sizes: Sequence[int], run: Callable[[Path, int], dict[str, float]]) -> Iterator[tuple[int, dict[str, float]]]:
    for size in sizes:
        print(f"measuring at {size:,} blocks", file=sys.stderr, flush=True)
        with tempfile.TemporaryDirectory(prefix="auditseal-growth-") as name:
            yield size, run(Path(name), size)


def too_steep(series: dict[str, Points]) -> list[str]:
    """Return a line for each operation that grows faster than it must."""
    return [
        f"{name} grows with n^{exponent(points):.2f}, at most n^{MOST_EXPONENT[name]} is expected"
        for name, points in series.items()
        if exponent(points) > MOST_EXPONENT[name]
    ]


def load(path: Path = DATA) -> dict[str, Points]:
    """Return the figures of the last measurement."""
    return {name: tuple((size, cost) for size, cost in each) for name, each in json.loads(path.read_text()).items()}


def main(arguments: Sequence[str]) -> int:
    """Measure passes at the sizes that are named; write data and plot; return 1 where something is too steep."""
    series = collect(STEP_SIZES, tuple(map(int, arguments)) or PASS_SIZES)
    DATA.write_text(json.dumps(series, indent=1) + "\n")
    PLOT.write_text(plot(series))
    for name, points in series.items():
        print(f"{name:20} n^{exponent(points):.2f}  " + "  ".join(f"{size:,}: {cost:.6f} s" for size, cost in points))
    steep = too_steep(series)
    print("\n".join(steep))
    return 1 if steep else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
