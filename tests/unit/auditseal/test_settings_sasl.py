"""SASL without a password: what the settings take, refuse, and hand to librdkafka."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from auditseal import settings_sasl
from auditseal.settings_kafka import KafkaSettings
from auditseal_schemas.errors import ConfigurationError
from tests.factory.secret_files import write_secret

SERVERS = {"bootstrap_servers": "kafka.example.com:9093", "security_protocol": "SASL_SSL"}


@pytest.fixture
def oauthbearer(tmp_path: Path) -> dict[str, object]:
    secret = write_secret(tmp_path / "client_secret", "hunter2\n")
    url = "https://idp.example.com/token"
    section = {"token_endpoint_url": url, "client_id": "sealer", "client_secret_file": secret}
    return {**SERVERS, "sasl_mechanism": "OAUTHBEARER", "oauthbearer": section}


@pytest.fixture
def kerberos(tmp_path: Path) -> dict[str, object]:
    section = {"principal": "sealer@EXAMPLE.COM", "keytab_file": write_secret(tmp_path / "keytab", "key")}
    return {**SERVERS, "sasl_mechanism": "GSSAPI", "kerberos": section}


def test_oauthbearer_becomes_properties(oauthbearer: dict[str, object], tmp_path: Path) -> None:
    settings = KafkaSettings.model_validate(oauthbearer)
    assert settings.client_config() == {
        "bootstrap.servers": "kafka.example.com:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "OAUTHBEARER",
        "sasl.oauthbearer.method": "oidc",
        "sasl.oauthbearer.token.endpoint.url": "https://idp.example.com/token",
        "sasl.oauthbearer.client.id": "sealer",
        "sasl.oauthbearer.client.secret": "hunter2",
    }
    assert "hunter2" not in settings.model_dump_json()
    authorities = write_secret(tmp_path / "ca.pem", "PEM")
    more = {**oauthbearer["oauthbearer"], "scope": "kafka", "extensions": "a=b", "ca_file": authorities}  # type: ignore[dict-item]
    config = KafkaSettings.model_validate({**oauthbearer, "oauthbearer": more}).client_config()
    assert config["sasl.oauthbearer.scope"] == "kafka"
    assert config["sasl.oauthbearer.extensions"] == "a=b"
    assert config["https.ca.location"] == str(authorities)


def test_kerberos_becomes_properties(kerberos: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Where librdkafka has GSSAPI, which the wheels that tests run on have not."""
    monkeypatch.setattr(settings_sasl, "_check_gssapi", lambda: None)
    config = KafkaSettings.model_validate(kerberos).client_config()
    assert config["sasl.mechanism"] == "GSSAPI"
    assert config["sasl.kerberos.service.name"] == "kafka"
    assert config["sasl.kerberos.principal"] == "sealer@EXAMPLE.COM"
    assert config["sasl.kerberos.keytab"] == str(kerberos["kerberos"]["keytab_file"])  # type: ignore[index]


def test_a_librdkafka_without_gssapi_says_what_to_install(kerberos: dict[str, object]) -> None:
    settings = KafkaSettings.model_validate(kerberos)
    with pytest.raises(ConfigurationError, match="pip install --no-binary confluent-kafka"):
        settings.client_config()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://idp.example.com/token", "unencrypted over a network"),
        ("https://user:hunter2@idp.example.com/token", "must not hold credentials"),
        ("idp.example.com/token", "is not a URL"),
        ("ftp://idp.example.com/token", "is not a URL"),
    ],
)
def test_a_token_endpoint_that_is_refused(oauthbearer: dict[str, object], url: str, said: str) -> None:
    section = {**oauthbearer["oauthbearer"], "token_endpoint_url": url}  # type: ignore[dict-item]
    with pytest.raises(ValidationError, match=said):
        KafkaSettings.model_validate({**oauthbearer, "oauthbearer": section})


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080/token", "http://[::1]/token", "http://localhost/token"])
def test_a_token_endpoint_on_this_machine_needs_no_tls(oauthbearer: dict[str, object], url: str) -> None:
    section = {**oauthbearer["oauthbearer"], "token_endpoint_url": url}  # type: ignore[dict-item]
    KafkaSettings.model_validate({**oauthbearer, "oauthbearer": section})


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"oauthbearer": None}, "OAUTHBEARER needs the section kafka.oauthbearer"),
        ({"sasl_mechanism": "GSSAPI"}, "the section kafka.oauthbearer is for sasl_mechanism OAUTHBEARER"),
        ({"sasl_mechanism": "PLAIN"}, "the section kafka.oauthbearer is for sasl_mechanism OAUTHBEARER"),
        ({"security_protocol": "SSL"}, "the section kafka.oauthbearer is for sasl_mechanism OAUTHBEARER"),
        ({"sasl_mechanism": "GSSAPI", "oauthbearer": None}, "GSSAPI needs the section kafka.kerberos"),
        ({"sasl_mechanism": "DIGEST-MD5"}, "sasl_mechanism"),
    ],
)
def test_a_mechanism_and_its_section_belong_together(
    oauthbearer: dict[str, object], changed: dict[str, object], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        KafkaSettings.model_validate({**oauthbearer, **changed})


@pytest.mark.parametrize("name", ["principal", "service_name"])
def test_names_that_a_shell_would_interpret_are_refused(kerberos: dict[str, object], name: str) -> None:
    section = {**kerberos["kerberos"], name: "a; rm -rf /"}  # type: ignore[dict-item]
    with pytest.raises(ValidationError, match=name):
        KafkaSettings.model_validate({**kerberos, "kerberos": section})


def test_a_path_that_a_shell_would_interpret_is_refused(
    kerberos: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_sasl, "_check_gssapi", lambda: None)
    section = {**kerberos["kerberos"], "keytab_file": write_secret(tmp_path / "key$(tab)", "key")}  # type: ignore[dict-item]
    settings = KafkaSettings.model_validate({**kerberos, "kerberos": section})
    with pytest.raises(ConfigurationError, match="characters that a shell interprets"):
        settings.client_config()


def test_secrets_that_others_may_read_are_refused(
    oauthbearer: dict[str, object], kerberos: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_sasl, "_check_gssapi", lambda: None)
    for given, name in ((oauthbearer, "client_secret"), (kerberos, "keytab")):
        (tmp_path / name).chmod(0o644)
        with pytest.raises(ConfigurationError, match=f"chmod 600 {tmp_path / name}"):
            KafkaSettings.model_validate(given).client_config()
