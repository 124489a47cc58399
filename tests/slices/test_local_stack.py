"""The native stack itself: real processes, started, harmed, started again."""

import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from botocore.exceptions import ClientError
from confluent_kafka import Consumer, KafkaError, Producer
from confluent_kafka.admin import AdminClient, NewTopic

from auditseal_local import go_program, minio_binary
from auditseal_local.errors import LocalStackError
from auditseal_local.kafka import KafkaNode, KafkaSettings
from auditseal_local.minio import MinioNode
from auditseal_local.ports import free_ports
from auditseal_local.progress import silent


def publish(servers: str, topic: str, value: bytes) -> None:
    producer = Producer({"bootstrap.servers": servers, "enable.idempotence": True, "message.max.bytes": 20_000_000})
    producer.produce(topic, value)
    assert producer.flush(60) == 0


def read_one(servers: str, topic: str) -> bytes | None:
    consumer = Consumer({"bootstrap.servers": servers, "group.id": f"read.{topic}", "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        messages = consumer.consume(1, timeout=60)
        return messages[0].value() if messages else None
    finally:
        consumer.close()


def make_topic_on(node: KafkaNode, name: str) -> None:
    admin = AdminClient({"bootstrap.servers": node.bootstrap_servers})
    admin.create_topics([NewTopic(name, 1, 1)])[name].result(timeout=60)


def processes_of(directory: Path) -> list[psutil.Process]:
    """Every live process whose command names `directory`: brokers, stores and their guards."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        named = any(str(directory) in argument for argument in process.info["cmdline"] or ())
        if named and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def wait_until_gone(directory: Path, seconds: float) -> list[psutil.Process]:
    deadline = time.monotonic() + seconds
    while (left := processes_of(directory)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


def test_kafka_carries_a_record_of_16_mib(kafka: KafkaNode, make_topic) -> None:
    topic = make_topic("blocks", partitions=2, config={"max.message.bytes": str(17 << 20)})
    value = os.urandom(16 << 20)
    publish(kafka.bootstrap_servers, topic, value)
    assert read_one(kafka.bootstrap_servers, topic) == value


def test_kafka_commits_a_transaction_quickly_after_the_first(kafka: KafkaNode, make_topic) -> None:
    topic = make_topic()
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, b"in")
    producer.commit_transaction(20)
    assert read_one(kafka.bootstrap_servers, topic) == b"in"


def test_kafka_makes_no_topic_unasked(kafka: KafkaNode, topic_name) -> None:
    name = topic_name("unasked")
    producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "message.timeout.ms": 2000})
    codes: list[int | None] = []
    producer.produce(name, b"x", on_delivery=lambda error, _message: codes.append(error.code() if error else None))
    producer.flush(60)
    assert codes in ([KafkaError._MSG_TIMED_OUT], [KafkaError._UNKNOWN_TOPIC], [KafkaError.UNKNOWN_TOPIC_OR_PART])
    assert name not in AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=60).topics


def test_nodes_listen_on_loopback_only(kafka: KafkaNode, minio: MinioNode) -> None:
    for node in (kafka, minio):
        listening = {
            connection.laddr.ip
            for process in processes_of(node.directory)
            for connection in process.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN
        }
        assert listening
        assert listening <= {"127.0.0.1", "::1", "::ffff:127.0.0.1"}


def test_kafka_keeps_port_and_data_over_stop_and_kill(tmp_path: Path) -> None:
    node = KafkaNode(tmp_path)
    servers = node.bootstrap_servers
    with node:
        make_topic_on(node, "kept")
        publish(servers, "kept", b"before")
        with pytest.raises(LocalStackError, match="runs already"):
            KafkaNode(tmp_path).start()
        node.kill()
        assert processes_of(tmp_path) == []
        node.start()
        assert read_one(servers, "kept") == b"before"
        node.stop()
        assert processes_of(tmp_path) == []
        assert KafkaNode(tmp_path).bootstrap_servers == servers


def test_kafka_behind_a_proxy_advertises_the_proxy(tmp_path: Path) -> None:
    proxy = f"127.0.0.1:{free_ports(1)[0]}"
    with KafkaNode(tmp_path, KafkaSettings(proxy=proxy)) as node:
        direct = AdminClient({"bootstrap.servers": node.bootstrap_servers}).list_topics(timeout=60)
        assert [f"{b.host}:{b.port}" for b in direct.brokers.values()] == [node.bootstrap_servers]
        proxied = AdminClient({"bootstrap.servers": node.behind_proxy}).list_topics(timeout=60)
        assert [f"{b.host}:{b.port}" for b in proxied.brokers.values()] == [proxy]


def test_a_broker_that_cant_start_shows_its_log_and_leaves_nothing(tmp_path: Path) -> None:
    node = KafkaNode(tmp_path, KafkaSettings(overrides=(("num.partitions", "none"),)))
    with pytest.raises(LocalStackError, match=r"(?s)java failed with code 1.*num\.partitions"):
        node.start()
    assert not node.running
    assert processes_of(tmp_path) == []


def test_minio_denies_deleting_a_locked_version(minio: MinioNode, new_bucket) -> None:
    s3, bucket = minio.s3(), new_bucket()
    until = datetime.now(UTC) + timedelta(days=1)
    lock = {"ObjectLockMode": "COMPLIANCE", "ObjectLockRetainUntilDate": until, "ChecksumAlgorithm": "SHA256"}
    put = s3.put_object(Bucket=bucket, Key="block", Body=b"sealed", IfNoneMatch="*", **lock)
    with pytest.raises(ClientError, match="WORM"):
        s3.delete_object(Bucket=bucket, Key="block", VersionId=put["VersionId"], BypassGovernanceRetention=True)
    with pytest.raises(ClientError, match="PreconditionFailed"):
        s3.put_object(Bucket=bucket, Key="block", Body=b"other", IfNoneMatch="*", **lock)


def test_minio_keeps_port_credentials_and_data_over_a_kill(tmp_path: Path) -> None:
    with MinioNode(tmp_path) as node:
        node.make_bucket("kept")
        node.kill()
        again = MinioNode(tmp_path)
        assert (again.endpoint, again.credentials) == (node.endpoint, node.credentials)
        with again:
            assert [bucket["Name"] for bucket in again.s3().list_buckets()["Buckets"]] == ["kept"]
    assert processes_of(tmp_path) == []
    assert (tmp_path / "credentials.json").stat().st_mode & 0o777 == 0o600


PARENT = """
import sys, threading, time
from pathlib import Path
from auditseal_local.kafka import KafkaNode
from auditseal_local.minio import MinioNode
nodes = [KafkaNode(Path(sys.argv[1]) / "kafka"), MinioNode(Path(sys.argv[1]) / "minio")]
starters = [threading.Thread(target=node.start) for node in nodes]
for starter in starters: starter.start()
for starter in starters: starter.join()
time.sleep(1)  # the threads that started them are gone: they must not go with them
print("up" if all(node.running for node in nodes) else "down", flush=True)
time.sleep(600)
"""


def test_nothing_outlives_a_parent_that_is_killed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)], stdout=subprocess.PIPE, text=True) as parent:
        try:
            assert parent.stdout is not None
            assert parent.stdout.readline() == "up\n"
            services = [p for p in processes_of(tmp_path) if p.pid != parent.pid]
            assert {p.name() for p in services} >= {"java"}
            assert len(services) == 4  # two services, two guards
        finally:
            parent.send_signal(signal.SIGKILL)
    assert wait_until_gone(tmp_path, 5) == []


def auditseal(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "auditseal", "local", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)


def test_local_up_outlives_the_command_until_down(tmp_path: Path) -> None:
    try:
        up = auditseal("up", "--minio", "--dir", str(tmp_path))
        assert up.returncode == 0, up.stderr
        script = f"{up.stdout}\nenv"
        shell = subprocess.run(
            ["sh", "-euc", script], capture_output=True, text=True, check=True, env={"PATH": os.defpath}
        )
        variables = dict(line.split("=", 1) for line in shell.stdout.splitlines())
        servers = variables["AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS"]
        create = [sys.executable, "-m", "auditseal", "topics", "create", "--partitions", "2"]
        made = subprocess.run(create, capture_output=True, text=True, check=False, env=variables, timeout=60)
        assert made.returncode == 0, made.stderr  # the environment is all that it takes: one replica on one broker
        topics = AdminClient({"bootstrap.servers": servers}).list_topics(timeout=60).topics
        assert {len(topics[name].partitions) for name in ("audit.events", "audit.blocks")} == {2}
        minio = MinioNode(tmp_path / "minio")
        assert variables["AUDITSEAL_VAULT"] == f"s3://auditseal/?endpoint={minio.endpoint}"
        assert variables["AWS_ACCESS_KEY_ID"] == minio.access_key
        lock = minio.s3().get_object_lock_configuration(Bucket="auditseal")
        assert lock["ObjectLockConfiguration"]["ObjectLockEnabled"] == "Enabled"

        kafka = ("kafka", "--dir", str(tmp_path), "--")
        topic = ("--entity-type", "topics", "--entity-name", "audit.events")
        altered = auditseal(*kafka, "kafka-configs", "--alter", *topic, "--add-config", "retention.ms=86400000")
        assert altered.returncode == 0, altered.stderr
        assert "retention.ms=86400000 " in auditseal(*kafka, "kafka-configs", "--describe", *topic).stdout
        assert auditseal(*kafka, "kafka-topics", "--describe", "--topic", "absent").returncode == 1

        again = auditseal("up", "--dir", str(tmp_path))  # finds what runs, starts nothing twice
        assert again.stdout == up.stdout
        status = json.loads(auditseal("status", "--json", "--dir", str(tmp_path)).stdout)
        assert [(node["name"], node["running"]) for node in status["nodes"]] == [("kafka", True), ("minio", True)]
    finally:
        down = auditseal("down", "--json", "--dir", str(tmp_path))
    assert json.loads(down.stdout) == {"stopped": ["kafka", "minio"]}
    stopped = auditseal(*kafka, "kafka-topics", "--list")
    assert stopped.returncode == 1
    assert "start it with auditseal local up" in stopped.stderr
    assert processes_of(tmp_path) == []
    assert "stopped" in auditseal("status", "--dir", str(tmp_path)).stdout


def test_a_module_proxy_that_serves_another_source_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a real `go`, and with every variable set that would make it trust the proxy."""
    name, version = "github.com/minio/minio", minio_binary.MINIO.version
    served = tmp_path / "proxy" / name / "@v"
    served.mkdir(parents=True)
    (served / f"{version}.info").write_text(json.dumps({"Version": version}))
    (served / f"{version}.mod").write_text(f"module {name}\n")
    with zipfile.ZipFile(served / f"{version}.zip", "w") as source:
        source.writestr(f"{name}@{version}/go.mod", f"module {name}\n")
        source.writestr(f"{name}@{version}/main.go", "package main\nfunc main() {}\n")
    monkeypatch.delenv("AUDITSEAL_MINIO", raising=False)
    monkeypatch.setattr(go_program, "cache_dir", lambda: tmp_path / "cache")
    trusting = {"GOFLAGS": "-mod=mod -insecure", "GOSUMDB": "off", "GOPROXY": (tmp_path / "proxy").as_uri()}
    for variable, value in trusting.items() | dict.fromkeys(("GONOSUMDB", "GOPRIVATE", "GOINSECURE"), "*").items():
        monkeypatch.setenv(variable, value)
    with pytest.raises(LocalStackError, match=r"(?s)checksum mismatch.*SECURITY ERROR"):
        minio_binary.minio_binary(silent)
    assert not minio_binary.MINIO.folder.exists()
