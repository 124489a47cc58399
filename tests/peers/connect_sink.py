"""A sink of Kafka Connect that writes the same events to the same MinIO: Apache Iceberg's, whose files are Avro.

It neither hashes nor signs nor locks. It reads an event, wraps it into a row, and writes it to a file in the bucket. A
commit then makes the files of a second visible together.
"""

import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.request import urlopen

from auditseal_daemon.cluster import Cluster
from auditseal_daemon.topic_rules import TopicRules
from auditseal_daemon.topics import create_topics
from auditseal_local.cache import cache_dir
from auditseal_local.java import java_command
from auditseal_local.kafka_jars import cached_jars, class_path
from auditseal_local.locked_jars import KAFKA, lock_tag, locked_jars
from auditseal_local.minio import REGION, MinioNode
from auditseal_local.ports import LOOPBACK, free_ports
from auditseal_local.process import launch_guarded
from auditseal_local.progress import Progress
from tests.peers.event_file import first_events, publish
from tests.peers.peer import BURSTS, COMMIT_SECONDS, LOOK_SECONDS, Peer, Result, fastest

ICEBERG = "1.10.1"
TASKS = 2
_LOCK = Path(__file__).parent / "connect_jars.lock"
_NAME = "peers"
_DATABASE = "catalog.db"
_VERSIONS = "warehouse/peers/events/metadata/0"  # of the table, numbered with five digits
_HEAP_MIB = 1024
_CATALOG = """
PRAGMA journal_mode = WAL;
CREATE TABLE iceberg_tables (
    catalog_name TEXT NOT NULL, table_namespace TEXT NOT NULL, table_name TEXT NOT NULL,
    metadata_location TEXT, previous_metadata_location TEXT,
    PRIMARY KEY (catalog_name, table_namespace, table_name));
CREATE TABLE iceberg_namespace_properties (
    catalog_name TEXT NOT NULL, namespace TEXT NOT NULL, property_key TEXT, property_value TEXT,
    PRIMARY KEY (catalog_name, namespace, property_key));
"""
"""The sink's catalog, with the columns that Iceberg's own code gives it. Two tasks that begin and both make it fail.

Tasks and coordinator have connections of their own. Without a write-ahead log one that reads refuses the commits of the
others.
"""
_WARM_EVENTS = 100
_WARM_ROUNDS = 2
_DEADLINE_SECONDS = 300


PEER = Peer(
    "Kafka Connect, Iceberg sink to MinIO",
    f"Iceberg {ICEBERG} on Connect {KAFKA.rpartition(':')[2]}",
    f"{TASKS} tasks and partitions, polls of 5,000 records, Avro files, a commit a second, best of {BURSTS} bursts",
    "makes a table that query engines read",
    "hashes, chains, signatures, Object Lock",
    "locked",
)


def measure(
    bootstrap_servers: str, minio: MinioNode, events: Path, count: int, directory: Path, progress: Progress
) -> Result:
    """Return the rate from the first produce to the last committed file of the fastest burst, as for our pipeline."""
    topic = f"sink-{time.time_ns()}"
    control = f"{topic}-control"
    cluster = Cluster({"bootstrap.servers": bootstrap_servers}, 20)
    create_topics(cluster, TopicRules(TASKS, replication=1), topic, control)
    sink = ConnectSink(bootstrap_servers, minio, topic, control)
    with sink.running(directory, progress):
        for round_number in range(1, _WARM_ROUNDS + 1):  # a task starts its part of the commits at its first event
            publish(bootstrap_servers, topic, TASKS, first_events(events, _WARM_EVENTS))
            sink.wait_for(_WARM_EVENTS * round_number)

        def burst(number: int) -> float:
            began = time.time()
            publish(bootstrap_servers, topic, TASKS, first_events(events, count))
            return sink.wait_for(_WARM_EVENTS * _WARM_ROUNDS + count * number) - began

        return Result(PEER, count, fastest(count, burst))


class ConnectSink:
    """A worker of Kafka Connect, running one sink into one bucket."""

    def __init__(self, bootstrap_servers: str, minio: MinioNode, topic: str, control_topic: str) -> None:
        self._servers, self._minio, self._topic, self._control = bootstrap_servers, minio, topic, control_topic
        self._bucket = f"sink-{time.time_ns()}"
        self._s3 = minio.s3()

    @contextmanager
    def running(self, directory: Path, progress: Progress) -> Iterator[None]:
        """Run the worker until the block of code ends; its tasks run when this yields."""
        directory.mkdir(parents=True)
        self._s3.create_bucket(Bucket=self._bucket)
        _make_catalog(directory / _DATABASE)
        (port,) = free_ports(1)
        worker, connector = directory / "worker.properties", directory / "connector.properties"
        _write(worker, self._worker(directory, port))
        _write(connector, self._connector(directory))
        jars = [*connect_jars(progress), *(jar for jar in class_path(progress) if jar.name.startswith("log4j"))]
        command = java_command(jars, _HEAP_MIB, "kafka_tools_log4j2.properties", "-XX:+UseG1GC")
        standalone = "org.apache.kafka.connect.cli.ConnectStandalone"
        child = launch_guarded([*command, standalone, str(worker), str(connector)], directory / "log", {"LANG": "C"})
        try:
            _wait(lambda: _tasks_run(port), f"the sink does not run, see {directory / 'log'}")
            yield
        finally:
            child.stop(30)

    def wait_for(self, events: int) -> float:
        """Wait until so many events are in committed files; return the time at which they are."""
        _wait(lambda: self.committed() >= events, f"{events} events are not in the sink's table")
        return time.time()

    def committed(self) -> int:
        """Return how many events the table has, by the newest of its metadata files."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=_VERSIONS)
        listed = (each["Key"] for page in pages for each in page.get("Contents", []))
        keys = [key for key in listed if key.endswith(".metadata.json")]
        if not keys:
            return 0
        metadata = json.load(self._s3.get_object(Bucket=self._bucket, Key=max(keys))["Body"])
        current = metadata.get("current-snapshot-id")
        snapshots = {each["snapshot-id"]: each["summary"] for each in metadata.get("snapshots", [])}
        return int(snapshots[current]["total-records"]) if current in snapshots else 0

    def _worker(self, directory: Path, port: int) -> dict[str, str]:
        converter = "org.apache.kafka.connect.converters.ByteArrayConverter"
        return {
            "bootstrap.servers": self._servers,
            "key.converter": converter,
            "value.converter": converter,
            "offset.storage.file.filename": str(directory / "offsets"),
            "listeners": f"http://{LOOPBACK}:{port}",
            "offset.flush.interval.ms": "500",  # a task looks for the word to commit at least this often
            "plugin.discovery": "service_load",
        }

    def _connector(self, directory: Path) -> dict[str, str]:
        catalog = {
            "catalog-impl": "org.apache.iceberg.jdbc.JdbcCatalog",
            "uri": f"jdbc:sqlite:{directory / _DATABASE}?busy_timeout=10000",
            "warehouse": f"s3://{self._bucket}/warehouse",
            "io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
            "client.region": REGION,
            "s3.endpoint": self._minio.endpoint,
            "s3.path-style-access": "true",
            "s3.access-key-id": self._minio.access_key,
            "s3.secret-access-key": self._minio.secret_key,
        }
        return {
            "name": _NAME,
            "connector.class": "org.apache.iceberg.connect.IcebergSinkConnector",
            "tasks.max": str(TASKS),
            "topics": self._topic,
            "consumer.override.max.poll.records": "5000",
            "transforms": "row",
            "transforms.row.type": "org.apache.kafka.connect.transforms.HoistField$Value",
            "transforms.row.field": "value",
            "iceberg.tables": "peers.events",
            "iceberg.tables.auto-create-enabled": "true",
            "iceberg.tables.auto-create-props.write.format.default": "avro",
            "iceberg.control.topic": self._control,
            "iceberg.control.commit.interval-ms": str(int(COMMIT_SECONDS * 1000)),
            "iceberg.control.commit.timeout-ms": "5000",  # a task that has had no event yet answers no commit
            **{f"iceberg.catalog.{name}": value for name, value in catalog.items()},
        }


def connect_jars(progress: Progress) -> list[Path]:
    """Return the paths of the jars of Kafka Connect and of the sink, fetched on first use."""
    return cached_jars(locked_jars(_LOCK), cache_dir() / f"kafka-connect-{lock_tag(_LOCK)}", progress)


def _make_catalog(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database:
        database.executescript(_CATALOG)


def _write(path: Path, properties: dict[str, str]) -> None:
    path.write_text("".join(f"{name}={value}\n" for name, value in properties.items()))
    path.chmod(0o600)  # it has the store's password


def _tasks_run(port: int) -> bool:
    try:
        with urlopen(f"http://{LOOPBACK}:{port}/connectors/{_NAME}/status", timeout=5) as answer:
            status = json.load(answer)
    except OSError:  # it does not serve yet, or does not know the sink yet
        return False
    states = [task["state"] for task in status["tasks"]]
    assert "FAILED" not in states, status
    return len(states) == TASKS and set(states) == {"RUNNING"}


def _wait(condition: Callable[[], bool], failure: str) -> None:
    deadline = time.monotonic() + _DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, failure
        time.sleep(LOOK_SECONDS)
