"""`make peers`: auditseal next to others, on this machine, in one run, over the same varied events.

Prints a table with ratios, versions and settings, and writes it as JSON. A rate is compared with the figure of ours
that has the same work before it: the sealer for a log or a store, produce to locked for what ends in a bucket.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_local.kafka import KafkaNode
from auditseal_local.minio import MinioNode
from auditseal_local.progress import Progress
from tests.bench import bench_sealer
from tests.peers import connect_sink, consumer_performance, event_file, go_peers, ours, pymerkle_tree
from tests.peers.peer import Result

EVENTS = 1_000_000
"""At scale 1."""
OURS = {"sealer": ours.SEALER.name, "locked": ours.LOCKED.name}
"""The figure of ours that each kind of peer is compared with."""


def measure(directory: Path, events: int, progress: Progress) -> list[Result]:
    """Measure all, one after the other."""
    stored = directory / "events"
    with KafkaNode(directory / "kafka", progress=progress) as kafka:
        servers, topic = kafka.bootstrap_servers, f"peers-{time.time_ns()}"
        cluster = Cluster({"bootstrap.servers": servers}, 20)
        create_topics(cluster, TopicRules(1, replication=1), topic, f"{topic}.blocks")
        progress(f"publishing {events:,} events")
        bench_sealer.publish(servers, topic, events)
        event_file.store_topic(servers, topic, events, stored)
        progress(f"measuring {consumer_performance.PEER.name}")
        results = [consumer_performance.measure(servers, topic, events)]
        progress("measuring the sealer and verify")
        results.append(ours.seal(servers, directory / "sealer", events))
        results.append(ours.verify(stored, events, directory / "verify"))
        results += go_peers.measure(stored, directory / "go", progress)
        progress(f"measuring {pymerkle_tree.PEER.name}")
        results.append(pymerkle_tree.measure(stored))
        with MinioNode(directory / "minio", progress=progress) as minio:
            progress("measuring produce to locked, and the sink")
            results.append(ours.lock(servers, minio, stored, events, directory / "lock"))
            results.append(connect_sink.measure(servers, minio, stored, events, directory / "sink", progress))
    return results


def ratios(results: Sequence[Result]) -> list[float]:
    """Return each rate divided by the figure of ours with which it is compared."""
    rates = {result.peer.name: result.rate for result in results}
    return [result.rate / rates[OURS[result.peer.compared_with]] for result in results]


def show(results: Sequence[Result]) -> None:
    """Print the table, and what each does and leaves out."""
    table = Table("peer", "version", "settings", "events/s", "ratio", "to ours")
    for result, ratio in zip(results, ratios(results), strict=True):
        peer = result.peer
        table.add_row(
            peer.name, peer.version, peer.settings, f"{result.rate:,.0f}", f"{ratio:.2f}", OURS[peer.compared_with]
        )
    console = Console(width=160)
    console.print(table)
    for peer in (result.peer for result in results):
        console.print(f"{peer.name}: {peer.does}" + (f". It leaves out: {peer.leaves_out}" if peer.leaves_out else ""))


def report(results: Sequence[Result]) -> dict[str, object]:
    """Return the table for the JSON file, with the machine and its load, by which to judge it."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "peers": [result.as_json(ratio) for result, ratio in zip(results, ratios(results), strict=True)],
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="make peers")
    parser.add_argument("--scale", type=float, default=1.0, help=f"part of {EVENTS:,} events")
    parser.add_argument("--json", type=Path, default=Path("peers.json"))
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="auditseal-peers-") as name:
        results = measure(Path(name), int(EVENTS * asked.scale), _say)
    show(results)
    asked.json.write_text(json.dumps(report(results), indent=2) + "\n")
    print(f"written to {asked.json}")
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
