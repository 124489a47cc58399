"""A producer's settings in environment variables."""

from pathlib import Path

import pytest

from auditseal_producer import ConfigurationError, ProducerConfig

LEAST = {
    "AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": "127.0.0.1:9092",
    "AUDITSEAL_ENVIRONMENT": "production",
    "AUDITSEAL_PRODUCER__SERVICE": "billing",
}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LEAST.items():
        monkeypatch.setenv(name, value)


def test_the_least(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = ProducerConfig(bootstrap_servers="127.0.0.1:9092", service="billing", environment="production")
    assert ProducerConfig.from_env() == expected


def test_every_setting_arrives(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret\n")
    for name, value in {
        "AUDITSEAL_EVENTS_TOPIC": "events",
        "AUDITSEAL_PRODUCER__VERSION": "1.2",
        "AUDITSEAL_PRODUCER__INSTANCE": "pod-1",
        "AUDITSEAL_PRODUCER__REGION": "eu",
        "AUDITSEAL_PRODUCER__BUFFER_EVENTS": "10",
        "AUDITSEAL_PRODUCER__BUFFER_BYTES": "3000000",
        "AUDITSEAL_PRODUCER__FULL_WAIT": "0.5",
        "AUDITSEAL_PRODUCER__DELIVERY_TIMEOUT": "60",
        "AUDITSEAL_PRODUCER__CLOSE_TIMEOUT": "inf",
        "AUDITSEAL_PRODUCER__SPOOL": str(tmp_path / "a.spool"),
        "AUDITSEAL_PRODUCER__SPOOL_BYTES": "4000000",
        "AUDITSEAL_PRODUCER__ALLOW_PLAINTEXT": "True",
        "AUDITSEAL_PRODUCER__KAFKA__SECURITY_PROTOCOL": "SASL_SSL",
        "AUDITSEAL_PRODUCER__KAFKA__SASL_PASSWORD_FILE": str(tmp_path / "password"),
    }.items():
        monkeypatch.setenv(name, value)
    assert ProducerConfig.from_env() == ProducerConfig(
        bootstrap_servers="127.0.0.1:9092",
        service="billing",
        environment="production",
        topic="events",
        version="1.2",
        instance="pod-1",
        region="eu",
        buffer_events=10,
        buffer_bytes=3_000_000,
        full_wait=0.5,
        delivery_timeout=60,
        close_timeout=float("inf"),
        spool=str(tmp_path / "a.spool"),
        spool_bytes=4_000_000,
        allow_plaintext=True,
        kafka={"security.protocol": "SASL_SSL", "sasl.password": "secret"},
    )


def test_what_the_service_says_goes_first() -> None:
    assert ProducerConfig.from_env(service="shop", full_wait=1).service == "shop"


def test_each_problem_has_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AUDITSEAL_PRODUCER__SERVICE")
    monkeypatch.setenv("AUDITSEAL_PRODUCER__BUFFER_EVENTS", "many")
    monkeypatch.setenv("AUDITSEAL_PRODUCER__ALLOW_PLAINTEXT", "perhaps")
    monkeypatch.setenv("AUDITSEAL_PRODUCER__SPOOLS", "x")
    monkeypatch.setenv("AUDITSEAL_PRODUCER__KAFKA__SASL_PASSWORD_FILE", "/absent/file")
    with pytest.raises(ConfigurationError) as info:
        ProducerConfig.from_env()
    lines = str(info.value).splitlines()
    assert [line.split(" ")[0].rstrip(":") for line in lines] == [
        "AUDITSEAL_PRODUCER__ALLOW_PLAINTEXT",
        "AUDITSEAL_PRODUCER__BUFFER_EVENTS",
        "AUDITSEAL_PRODUCER__KAFKA__SASL_PASSWORD_FILE",
        "AUDITSEAL_PRODUCER__SPOOLS",
        "AUDITSEAL_PRODUCER__SERVICE",
    ]
    assert "'perhaps' isn't true or false: correct it" in lines[0]
    assert "isn't a setting: leave it out" in lines[3]
    assert "is missing: set it" in lines[4]


def test_the_checks_of_the_configuration_apply(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSEAL_PRODUCER__KAFKA__ACKS", "1")
    with pytest.raises(ConfigurationError, match=r"kafka\['acks'\]: is set by auditseal"):
        ProducerConfig.from_env()
