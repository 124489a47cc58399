"""`make bench`: speed beside named references, on one machine in one run. Prints a table, writes JSON."""

import json
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from auditseal_local.kafka import KafkaNode
from auditseal_local.minio import MinioNode
from tests.bench import bench_pipeline, bench_record, bench_sealer, bench_verify

OUT = Path("bench.json")
Figures = dict[str, float]

# (measurement, figure, what it is, target; None: no target of its own)
TARGETS: list[tuple[str, str, str, Callable[[float], bool] | None, str]] = [
    ("sealer", "consume_records_per_second", "a bare consume() loop, records/s", None, ""),
    ("sealer", "sealer_records_per_second", "the sealer, blocks published, records/s", None, ""),
    ("sealer", "ratio", "sealer / bare consume", lambda ratio: ratio >= 0.25, "≥ 0.25"),
    ("verify", "floor_records_per_second", "read, inflate, one SHA-256 a record: the floor, records/s", None, ""),
    ("verify", "full_records_per_cpu_second", "verify, records/s a core", lambda rate: rate >= 200_000, "≥ 200,000"),
    (
        "verify",
        "quick_records_per_cpu_second",
        "verify --quick, records/s a core",
        lambda rate: rate >= 5e6,
        "≥ 5,000,000",
    ),
    ("verify", "full_records_per_second_1", "verify by the clock, 1 process", None, ""),
    ("verify", "full_records_per_second_2", "verify by the clock, 2 processes", None, ""),
    ("verify", "peak_mib", "its memory, all processes, MiB", lambda size: size < 300, "< 300"),
    ("pipeline", "burst_records_per_second", "produce to locked, burst, records/s", None, ""),
    ("pipeline", "p50_seconds", "produce to locked, steady, p50 s", None, ""),
    ("pipeline", "p99_seconds", "produce to locked, steady, p99 s", None, ""),
    ("pipeline", "sealer_peak_mib", "the sealer's memory under load, MiB", lambda size: size < 400, "< 400"),
    ("pipeline", "sealer_growth_mib", "its growth in the burst's second half", lambda size: size < 40, "< 40"),
    ("pipeline", "archiver_peak_mib", "the archiver's memory under load, MiB", lambda size: size < 400, "< 400"),
    ("pipeline", "archiver_growth_mib", "its growth in the burst's second half", lambda size: size < 40, "< 40"),
    ("record", "calls_per_second", "record() calls/s, one thread", None, ""),
    ("record", "microseconds_per_call", "µs a call", None, ""),
]


def main() -> int:
    """Measure, print, write; return 1 where a target is missed."""
    with tempfile.TemporaryDirectory(prefix="auditseal-bench-") as name:
        figures = measure(Path(name))
    OUT.write_text(json.dumps({"machine": platform.platform(), "figures": figures}, indent=2) + "\n")
    missed = show(figures)
    print(f"written to {OUT}")
    return 1 if missed else 0


def measure(directory: Path) -> dict[str, Figures]:
    """Run all measurements, one after the other; a Kafka and a MinIO run where they are needed."""
    figures: dict[str, Figures] = {"verify": step("verify", lambda: bench_verify.measure(directory / "verify"))}
    with KafkaNode(directory / "kafka") as kafka:
        servers = kafka.bootstrap_servers
        figures["sealer"] = step("sealer", lambda: bench_sealer.measure(servers, directory / "sealer"))
        figures["record"] = step("record()", lambda: bench_record.measure(servers))
        with MinioNode(directory / "minio") as minio:
            figures["pipeline"] = step("pipeline", lambda: bench_pipeline.measure(servers, minio, directory / "pipe"))
    return figures


def step(name: str, run: Callable[[], Figures]) -> Figures:
    """Say what is measured, and measure it."""
    print(f"measuring {name}", file=sys.stderr, flush=True)
    return run()


def show(figures: dict[str, Figures]) -> list[str]:
    """Print the table; return the targets that are missed."""
    table = Table("what", "figure", "target")
    missed = []
    for measurement, name, what, reached, target in TARGETS:
        value = figures[measurement][name]
        is_missed = reached is not None and not reached(value)
        if is_missed:
            missed.append(what)
        figure = f"{value:,.3f}" if value < 100 else f"{value:,.0f}"
        table.add_row(what, figure, f"{target}  MISSED" if is_missed else target)
    Console(width=100).print(table)
    return missed


if __name__ == "__main__":
    sys.exit(main())
