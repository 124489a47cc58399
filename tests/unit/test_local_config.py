"""How the two nodes are configured, without starting either."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ProfileNotFound

from auditseal_local import kafka as kafka_module
from auditseal_local.errors import LocalStackError
from auditseal_local.kafka import KafkaNode, KafkaSettings
from auditseal_local.minio import MinioNode


def test_every_listener_is_loopback(tmp_path: Path) -> None:
    properties = KafkaNode(tmp_path)._properties()
    listeners = properties["listeners"].split(",") + properties["advertised.listeners"].split(",")
    assert len(listeners) == 5
    assert all("://127.0.0.1:" in listener for listener in listeners)
    assert properties["auto.create.topics.enable"] == "false"
    assert int(properties["message.max.bytes"]) > 16 << 20


def test_only_the_proxied_listener_advertises_the_proxy(tmp_path: Path) -> None:
    node = KafkaNode(tmp_path, KafkaSettings(proxy="127.0.0.1:9"))
    assert node._properties()["advertised.listeners"] == f"CLIENT://{node.bootstrap_servers},PROXIED://127.0.0.1:9"
    assert f"PROXIED://{node.behind_proxy}" in node._properties()["listeners"]


def test_overrides_win(tmp_path: Path) -> None:
    settings = KafkaSettings(overrides=(("group.initial.rebalance.delay.ms", "50"), ("new.key", "1")))
    properties = KafkaNode(tmp_path, settings)._properties()
    assert properties["group.initial.rebalance.delay.ms"] == "50"
    assert properties["new.key"] == "1"


def test_java_is_the_packaged_one_with_the_heap_asked_for(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(kafka_module, "class_path", lambda _progress: [Path("/a.jar"), Path("/b.jar")])
    java = KafkaNode(tmp_path, KafkaSettings(heap_mib=700))._java()
    assert "site-packages" in java[0]
    assert "-Xmx700m" in java
    assert java[-2:] == ["-cp", "/a.jar:/b.jar"]


def test_cluster_ids_are_random_and_no_option() -> None:
    ids = {kafka_module._cluster_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(len(text) == 22 and not text.startswith("-") for text in ids)


def test_minio_credentials_are_random_kept_and_private(tmp_path: Path) -> None:
    node, other = MinioNode(tmp_path / "a"), MinioNode(tmp_path / "b")
    assert node.credentials != other.credentials
    assert MinioNode(tmp_path / "a").credentials == node.credentials
    assert (tmp_path / "a" / "credentials.json").stat().st_mode & 0o777 == 0o600
    assert node.secret_key not in repr(node.credentials)
    assert len(node.secret_key) >= 40


def test_minio_has_no_console_and_its_urls_no_secret(tmp_path: Path) -> None:
    node = MinioNode(tmp_path)
    assert node.environment()["MINIO_BROWSER"] == "off"
    assert node.vault_url("b") == f"s3://b/?endpoint=http://127.0.0.1:{node.ports['api']}"
    assert node.secret_key not in node.vault_url("b")
    assert node.client_environment()["AWS_SECRET_ACCESS_KEY"] == node.secret_key


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "XMinioStorageFull", "Message": "full"}}, "ListBuckets"),
        EndpointConnectionError(endpoint_url="http://127.0.0.1:9"),
        ProfileNotFound(profile="absent"),
    ],
)
def test_a_bucket_that_cant_be_made_says_where(tmp_path: Path, monkeypatch, error: Exception) -> None:
    def fail() -> None:
        raise error

    node = MinioNode(tmp_path)
    monkeypatch.setattr(node, "s3", lambda: SimpleNamespace(list_buckets=fail))
    with pytest.raises(LocalStackError, match=rf"can't make the bucket b at {node.endpoint}: .*server\.log"):
        node.make_bucket("b")
    monkeypatch.setattr(node, "s3", fail)
    with pytest.raises(LocalStackError, match="can't make the bucket"):
        node.make_bucket("b")
