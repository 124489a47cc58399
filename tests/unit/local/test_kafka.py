"""How the two nodes are configured, without starting either."""

from pathlib import Path

from auditseal_local import kafka as kafka_module
from auditseal_local.kafka import KafkaNode, KafkaSettings


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
    ids = {kafka_module._random_cluster_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(len(text) == 22 and not text.startswith("-") for text in ids)
