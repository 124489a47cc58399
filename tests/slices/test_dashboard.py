"""The dashboard's queries on a real Prometheus that scrapes real daemons, and a real fault that becomes an alert."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer

from auditseal.demo.processes import Processes
from auditseal_local.kafka import KafkaNode
from auditseal_local.minio import MinioNode
from auditseal_local.ports import LOOPBACK, free_ports
from auditseal_local.process import Child
from auditseal_schemas.origin import Origin
from tests.factory.prometheus import PrometheusNode
from tests.factory.stream_logs import Sealed
from tests.monitoring.panels import MONITORING, panel_queries

pytestmark = pytest.mark.timeout(900)  # the build of Prometheus, on a machine that does much else

FIRING = 'ALERTS{alertstate="firing"}'
STOP_SECONDS = 15
SECONDS = 90
"""For a machine that does much else."""


@dataclass
class Pipeline:
    """Daemons with a Kafka and a MinIO, and a Prometheus that scrapes them."""

    prometheus: PrometheusNode
    minio: MinioNode
    bucket: str
    log: Origin
    publish: Callable[[], None]
    start: Callable[[str], Child]
    daemons: dict[str, Child] = field(default_factory=dict)

    def blocks(self) -> list[str]:
        """The keys of the log's blocks in the bucket."""
        found = self.minio.s3().list_objects_v2(Bucket=self.bucket, Prefix=self.log.blocks_prefix)
        return [entry["Key"] for entry in found.get("Contents", ())]


def await_none(problems: Callable[[], object], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Wait until all problems are gone."""
    deadline = time.monotonic() + SECONDS
    while left := problems():
        assert time.monotonic() < deadline, left
        meanwhile()
        time.sleep(0.5)


def hasty_rules(folder: Path) -> Path:
    """Write the rules with an AuditsealDown that fires after 2 s, where an operator's waits for 2 minutes."""
    rules = yaml.safe_load((MONITORING / "auditseal.rules.yml").read_text("utf-8"))
    (down,) = (rule for group in rules["groups"] for rule in group["rules"] if rule.get("alert") == "AuditsealDown")
    assert down["for"] == "2m", "docs/how-to/monitor.md and compose.md say two minutes"
    down["for"] = "2s"
    path = folder / "rules.yml"
    path.write_text(yaml.safe_dump(rules))
    return path


@pytest.fixture
def pipeline(
    kafka: KafkaNode, minio: MinioNode, new_bucket: Callable[[], str], topic_name: Callable[[str], str], tmp_path: Path
) -> Iterator[Pipeline]:
    events, blocks, bucket = topic_name("events"), topic_name("blocks"), new_bucket()
    (tmp_path / "passphrase").write_text("secret")
    (tmp_path / "passphrase").chmod(0o600)
    trust, index = tmp_path / "trust.txt", tmp_path / "index"
    settings: dict[str, object] = {
        "KAFKA__BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
        "CLUSTER": "test.local",
        "VAULT": minio.vault_url(bucket),
        "EVENTS_TOPIC": events,
        "BLOCKS_TOPIC": blocks,
        "SEALER__KEY_FILE": tmp_path / "key.pem",
        "SEALER__PASSPHRASE_FILE": tmp_path / "passphrase",
        "SEALER__KEY_EXPIRES": "2099-01-01",
        "SEALER__REPLICATION": 1,
        "SEALER__BLOCK_AGE": 0.25,
        "SEALER__GROUP": f"sealers.{events}",
        "ARCHIVER__GROUP": f"archivers.{events}",
        "ARCHIVER__TRUST_FILE": trust,
        "ARCHIVER__RETENTION_DAYS": 100,
        "WATCH__TRUST_FILE": trust,
        "WATCH__STATE_FILE": tmp_path / "state.json",
        "WATCH__EVERY": 1,
    }
    variables = {f"AUDITSEAL_{name}": str(value) for name, value in settings.items()} | minio.client_environment()
    processes = Processes(variables, tmp_path)
    key = [str(tmp_path / "key.pem"), "--passphrase-file", str(tmp_path / "passphrase")]
    trust.write_text(processes.command("keys", "new", *key, "--partitions", "1"))
    processes.command("topics", "create", "--partitions", "1", "--replication", "1")
    ports = dict(zip(("sealer", "archiver", "watch", "index", "streams"), free_ports(5), strict=True))
    place = ["--trust", str(trust), "--vault", minio.vault_url(bucket), "--every", "1"]
    arguments = {
        "sealer": ["--genesis"],
        "archiver": [],
        "watch": ["--state-new"],
        "index": ["follow", *place, "--index", str(index), "--port", str(ports["index"])],
        "streams": ["--follow", *place, "--expect", "billing=60", "--port", str(ports["streams"])],
    }
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers})

    def publish() -> None:
        producer.produce(events, Sealed("a stream", 0).encoded(), partition=0)
        assert producer.flush(30) == 0

    targets = {f"auditseal-{name}": f"{LOOPBACK}:{port}" for name, port in ports.items()}
    prometheus = PrometheusNode(tmp_path / "prometheus", hasty_rules(tmp_path), targets)
    with ExitStack() as running:

        def start(name: str) -> Child:
            child = processes.start(name, "auditseal", name, *arguments[name], telemetry=ports[name])
            running.callback(child.kill)
            return child

        made = Pipeline(prometheus, minio, bucket, Origin("test.local", events, 0, 0), publish, start)
        publish()
        for name in arguments:
            if name == "watch":  # an empty vault is a finding: the log is missing
                await_none(lambda: not made.blocks())
            made.daemons[name] = start(name)
        running.enter_context(prometheus)
        yield made


def is_number(sample: dict[str, Any]) -> bool:
    return str(sample["value"][1]) != "NaN"


def test_each_query_has_an_answer_no_alert_fires_and_a_fault_becomes_one(pipeline: Pipeline) -> None:
    prometheus = pipeline.prometheus

    def unanswered() -> list[str]:
        answers = {title: prometheus.query(expression) for title, expression in panel_queries().items()}
        return [title for title, samples in answers.items() if not any(map(is_number, samples))]

    await_none(unanswered, meanwhile=pipeline.publish)
    groups = prometheus.get("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert len(rules) > 40
    assert [rule["name"] for rule in rules if rule["health"] != "ok"] == []
    assert prometheus.query(FIRING) == []
    stop_and_start_the_archiver(pipeline)

    pipeline.minio.s3().put_object(Bucket=pipeline.bucket, Key=max(pipeline.blocks()), Body=b"another version")
    await_none(lambda: not prometheus.query('ALERTS{alertname="AuditsealFinding",alertstate="firing"}'))
    (finding,) = prometheus.query("auditseal_verify_findings > 0")
    assert (finding["metric"]["verdict"], finding["metric"]["origin"]) == ("BAD_STORAGE", str(pipeline.log))


def stop_and_start_the_archiver(pipeline: Pipeline) -> None:
    """Do what the pages say under "See an alert fire"."""

    def firing() -> set[tuple[str, str]]:
        return {(each["metric"]["alertname"], each["metric"]["job"]) for each in pipeline.prometheus.query(FIRING)}

    pipeline.daemons["archiver"].stop(STOP_SECONDS)
    await_none(lambda: firing() != {("AuditsealDown", "auditseal-archiver")})
    pipeline.start("archiver")
    await_none(firing)
