"""`make bench`: speed next to named references, on one machine in one run. Prints a table, writes JSON."""

import json
import platform
import sys
import tempfile
from pathlib import Path

from auditseal_local.kafka import KafkaNode
from auditseal_local.minio import MinioNode
from tests.bench import (
    bench_middleware,
    bench_pipeline,
    bench_reader,
    bench_record,
    bench_sealer,
    bench_spool,
    bench_verify,
)
from tests.bench.steps import step
from tests.bench.targets import AtLeast, Below, Figures, Row, show

OUT = Path("bench.json")
MOST_MIB = 190
"""200 MB."""

# (measurement, figure, what it is, target; None: no target of its own)
TARGETS: list[Row] = [
    ("sealer", "consume_defaults_records_per_second", "a bare consume() loop, the client's defaults, records/s", None),
    ("sealer", "consume_unchecked_records_per_second", "the same with the sealer's queue, CRCs unchecked", None),
    ("sealer", "consume_as_sealer_records_per_second", "the same with the sealer's queue, CRCs checked as there", None),
    ("sealer", "sealer_records_per_second", "the sealer, blocks published, records/s", None),
    ("sealer", "sealer_whole_run_records_per_second", "its whole run, start and last wait included", None),
    ("sealer", "ratio", "sealer / the fastest of the bare loops", AtLeast(0.3, floor=0.2)),
    ("sealer", "ratio_by_cpu", "the same by the CPU of each one's busiest thread", None),
    ("sealer", "sealer_cpu_microseconds", "the CPU of the sealer's busiest thread, µs a record", None),
    ("verify", "floor_records_per_second", "read, inflate, one SHA-256 a record: the floor, records/s", None),
    ("verify", "full_records_per_cpu_second", "verify, records/s a core", AtLeast(450_000, floor=200_000)),
    ("verify", "quick_records_per_cpu_second", "verify --quick, records/s a core", AtLeast(5_000_000)),
    ("verify", "full_records_per_second_1", "verify by the clock, 1 process", None),
    ("verify", "full_records_per_second_2", "verify by the clock, 2 processes", None),
    ("verify", "part_of_linear", "the rate of 2 processes / twice that of one", AtLeast(0.9)),
    ("verify", "peak_mib", "its memory, all processes' peaks added up, MiB", Below(bench_verify.MOST_MIB)),
    ("verify", "peak_pss_mib", "the same, pages they share counted once, MiB", None),
    ("reader", "read_blocks_per_second", "small blocks read through 20 ms of latency, blocks/s", AtLeast(1_500)),
    ("reader", "read_cpu_microseconds", "the reader's CPU, listing included, µs a block", None),
    ("reader", "read_growth_mib", "more memory for ten times the blocks, MiB", Below(bench_reader.MOST_GROWTH_MIB)),
    ("reader", "verify_seconds", "auditseal verify of 2,000 of them, s", Below(bench_reader.MOST_SECONDS)),
    ("reader", "verify_cpu_microseconds", "its CPU, start included, µs a block", Below(1_300)),
    ("reader", "directory_blocks_per_second", "100,000 small files read, blocks/s", None),
    ("reader", "directory_peak_mib", "the memory for it, MiB", None),
    ("pipeline", "quiet_sealed_p50_seconds", "produce to sealed, 5 events/s, p50 s", None),
    ("pipeline", "quiet_sealed_p99_seconds", "produce to sealed, 5 events/s, p99 s", Below(1)),
    ("pipeline", "burst_records_per_second", "produce to locked, burst, records/s", None),
    ("pipeline", "p50_seconds", "produce to locked, 20,000 events/s, p50 s", None),
    ("pipeline", "p99_seconds", "produce to locked, 20,000 events/s, p99 s", Below(1)),
    ("pipeline", "sealer_peak_mib", "the sealer's memory under load, MiB", Below(MOST_MIB)),
    ("pipeline", "sealer_growth_mib", "its growth in the burst's second half", Below(40)),
    ("pipeline", "archiver_peak_mib", "the archiver's memory under load, MiB", Below(MOST_MIB)),
    ("pipeline", "archiver_growth_mib", "its growth in the burst's second half", Below(40)),
    ("record", "calls_per_second", "record() calls/s, one thread", AtLeast(bench_record.LEAST_CALLS)),
    ("record", "cpu_microseconds", "its CPU with that of receipts, µs a call", Below(bench_record.MOST_CPU)),
    ("record", "parts_microseconds", "  before it: Actor, Resource, Authorization", None),
    ("record", "encode_microseconds", "  of it: id, time, checks, encoding, key", None),
    ("record", "queue_microseconds", "  of it: handle, number, produce()", None),
    ("record", "receipt_microseconds", "  of it: callback and receipt", None),
    ("record", "bare_cpu_microseconds", "the client's produce() and callback alone, µs of CPU a call", None),
    ("spool", "calls_per_second", "record() with a spool, 32 threads, calls/s", AtLeast(5_000)),
    ("spool", "p99_ms", "p99 of such a call, ms", Below(bench_spool.MOST_P99_MS)),
    ("spool", "sync_p50_ms", "a bare write and fdatasync of as much, p50 ms", None),
    ("spool", "sync_p99_ms", "the same, p99 ms", None),
    ("spool", "alone_calls_per_second", "one thread alone, a sync for each event, calls/s", None),
    (
        "middleware",
        "asgi_own_p99",
        "ASGI middleware's own part of a request, p99 µs of CPU",
        Below(bench_middleware.MOST),
    ),
    ("middleware", "asgi_own_p50", "the same, p50", None),
    ("middleware", "asgi_bare_p99", "ASGI application without middleware, p99 above its median, µs", None),
    ("middleware", "asgi_noop_p99", "ASGI middleware that only calls the application, p99", None),
    ("middleware", "asgi_library_p50", "ASGI middleware of the standard library's code, p50", None),
    ("middleware", "asgi_library_p99", "ASGI the same, p99", None),
    ("middleware", "wsgi_bare_p99", "WSGI application without middleware, p99 above its median, µs", None),
    ("middleware", "wsgi_noop_p99", "WSGI middleware that only calls the application, p99", None),
    ("middleware", "wsgi_library_p50", "WSGI middleware of the standard library's code, p50", None),
    ("middleware", "wsgi_library_p99", "WSGI the same, p99", None),
    ("middleware", "asgi_p99", "the middleware with record(), p99", None),
    (
        "middleware",
        "wsgi_own_p99",
        "WSGI middleware's own part of a request, p99 µs of CPU",
        Below(bench_middleware.MOST),
    ),
    ("middleware", "wsgi_own_p50", "the same, p50", None),
    ("middleware", "wsgi_p99", "the middleware with record(), p99", None),
]


def main() -> int:
    """Measure, print, write; return 1 where a target is missed."""
    with tempfile.TemporaryDirectory(prefix="auditseal-bench-") as name:
        figures = measure(Path(name))
    OUT.write_text(json.dumps({"machine": platform.platform(), "figures": figures}, indent=2) + "\n")
    code = show(TARGETS, figures)
    print(f"written to {OUT}")
    return code


def measure(directory: Path) -> dict[str, Figures]:
    """Run all measurements, one after the other; a Kafka and a MinIO run where they are needed."""
    figures: dict[str, Figures] = {"verify": step("verify", lambda: bench_verify.measure(directory / "verify"))}
    with KafkaNode(directory / "kafka") as kafka:
        servers = kafka.bootstrap_servers
        figures["sealer"] = step("sealer", lambda: bench_sealer.measure(servers, directory / "sealer"))
        figures["record"] = step("record()", lambda: bench_record.measure(servers))
        figures["spool"] = step("record() with a spool", lambda: bench_spool.measure(servers, directory / "spool"))
        figures["middleware"] = step("middleware", lambda: bench_middleware.measure(servers))
        with MinioNode(directory / "minio") as minio:
            figures["reader"] = step("reader", lambda: bench_reader.measure(minio, directory / "reader"))
            figures["pipeline"] = step("pipeline", lambda: bench_pipeline.measure(servers, minio, directory / "pipe"))
    return figures


if __name__ == "__main__":
    sys.exit(main())
