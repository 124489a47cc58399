"""The settings that all daemons share: read whole, refused key by key."""

from pathlib import Path

import pytest

from auditseal.settings import DaemonSettings, format_settings, load_settings
from auditseal.settings_sections import Section
from auditseal_schemas.errors import ConfigurationError
from tests.factory.secret_files import write_secret

pytestmark = pytest.mark.usefixtures("no_settings")


class ExampleSection(Section):
    retention_days: int = 1


class ExampleSettings(DaemonSettings):
    archiver: ExampleSection = ExampleSection()


GOOD = """
cluster = "audit.example.com"
vault = "file:///tmp/vault"
[kafka]
bootstrap_servers = "127.0.0.1:9092"
[archiver]
retention_days = 30
[sealer]
anything = "is the sealer's to check"
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "auditseal.toml"
    path.write_text(text)
    return path


def problems(config: Path | None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(ExampleSettings, config)
    return str(caught.value).split("\n")


def test_file_alone(tmp_path: Path) -> None:
    settings = load_settings(ExampleSettings, write(tmp_path, GOOD))
    assert settings.kafka.client_config() == {
        "bootstrap.servers": "127.0.0.1:9092",
        "security.protocol": "PLAINTEXT",
    }
    assert (settings.archiver.retention_days, settings.events_topic, settings.metrics.port) == (30, "audit.events", 0)


def test_environment_alone_and_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", "localhost:1")
    monkeypatch.setenv("AUDITSEAL_ARCHIVER__RETENTION_DAYS", "7")
    settings = load_settings(ExampleSettings, write(tmp_path, GOOD))
    assert (settings.kafka.bootstrap_servers, settings.archiver.retention_days) == ("localhost:1", 7)
    monkeypatch.setenv("AUDITSEAL_CLUSTER", "a")
    monkeypatch.setenv("AUDITSEAL_VAULT", "s3://bucket/prefix")
    assert load_settings(ExampleSettings, None).cluster == "a"


def test_one_line_for_each_wrong_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSEAL_CLUSTRE", "typo")
    monkeypatch.setenv("AUDITSEAL_KAFKA__SERVERS", "typo")
    text = """
vault = "http://bucket"
blocks = "unknown"
[kafka]
bootstrap_servers = "127.0.0.1:9092"
[archiver]
retention_days = "many"
"""
    found = problems(write(tmp_path, text))
    starts = [
        "AUDITSEAL_CLUSTRE: there is no such setting",
        "cluster (AUDITSEAL_CLUSTER): Field required",
        "vault (AUDITSEAL_VAULT): 'http://bucket' is not a vault: s3://",
        "kafka.servers (AUDITSEAL_KAFKA__SERVERS): there is no such setting",
        "archiver.retention_days (AUDITSEAL_ARCHIVER__RETENTION_DAYS): Input should be a valid integer",
        "blocks (AUDITSEAL_BLOCKS): there is no such setting",
    ]
    assert len(found) == len(starts)
    assert all(any(line.startswith(start) for line in found) for start in starts), found


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"KAFKA__BOOTSTRAP_SERVERS": "kafka.example.com:9092"}, "in the clear, over a network"),
        ({"KAFKA__SECURITY_PROTOCOL": "SASL_SSL"}, "needs sasl_username and sasl_password_file"),
        ({"KAFKA__SSL_CA_FILE": "/nowhere/ca.pem"}, "Path does not point to a file"),
        ({"VAULT": "s3://key:secret@bucket/"}, "a vault's URL must not hold credentials"),
        ({"VAULT": "s3://bucket?endpoint=http://user:hunter2@127.0.0.1:9000"}, "the endpoint in a vault's URL must"),
        ({"CLUSTER": "Not An Origin"}, "do not make an origin"),
        ({"BLOCKS_TOPIC": "audit.events"}, "are the same topic"),
        ({"METRICS__PORT": "65536"}, "less than or equal to 65535"),
        ({"KAFKA": "{"}, "kafka"),
    ],
)
def test_what_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(f"AUDITSEAL_{name}", value)
    (problem,) = problems(write(tmp_path, GOOD))
    assert said in problem
    assert "hunter2" not in problem


def test_plaintext_beyond_loopback_when_asked_for_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS", "kafka.example.com:9092")
    monkeypatch.setenv("AUDITSEAL_KAFKA__ALLOW_PLAINTEXT", "true")
    assert load_settings(ExampleSettings, write(tmp_path, GOOD)).kafka.allow_plaintext


def test_secrets_stand_in_files_and_never_in_the_dump(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    password = tmp_path / "password"
    password.touch(0o600)
    password.write_text("hunter2\n")
    for name, value in {
        "BOOTSTRAP_SERVERS": "kafka.example.com:9093",
        "SECURITY_PROTOCOL": "SASL_SSL",
        "SASL_USERNAME": "archiver",
        "SASL_PASSWORD_FILE": str(password),
        "SSL_CA_FILE": str(password),
        "SSL_KEY_PASSWORD_FILE": str(password),
    }.items():
        monkeypatch.setenv(f"AUDITSEAL_KAFKA__{name}", value)
    settings = load_settings(ExampleSettings, write(tmp_path, GOOD))
    assert settings.kafka.client_config() == {
        "bootstrap.servers": "kafka.example.com:9093",
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "archiver",
        "sasl.password": "hunter2",
        "ssl.ca.location": str(password),
        "ssl.key.password": "hunter2",
    }
    assert "hunter2" not in format_settings(settings)
    password.write_text("")
    with pytest.raises(ConfigurationError, match="is empty: write the secret"):
        settings.kafka.client_config()
    password.unlink()
    with pytest.raises(ConfigurationError, match="can't be read"):
        settings.kafka.client_config()


def test_the_dump_is_a_configuration_again(tmp_path: Path) -> None:
    settings = load_settings(ExampleSettings, write(tmp_path, GOOD))
    dump = format_settings(settings)
    assert 'kafka.bootstrap_servers = "127.0.0.1:9092"' in dump
    assert "# kafka.sasl_username is not set" in dump
    assert load_settings(ExampleSettings, write(tmp_path, dump)) == settings


@pytest.mark.parametrize("content", [b"cluster =", b"\xff"])
def test_a_file_that_is_no_toml(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "auditseal.toml"
    path.write_bytes(content)
    (problem,) = problems(path)
    assert problem.startswith(f"{path} is not TOML: ")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    assert problems(tmp_path / "none.toml") == [f"{tmp_path}/none.toml can't be read: No such file or directory"]


def test_an_absent_section_is_told_key_by_key(tmp_path: Path) -> None:
    config = write(tmp_path, 'cluster = "c"\nvault = "file:///tmp/vault"\n')
    assert problems(config) == ["kafka.bootstrap_servers (AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS): Field required"]


def test_what_other_commands_read_of_the_environment_is_no_typing_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUDITSEAL_ENVIRONMENT", "production")
    monkeypatch.setenv("AUDITSEAL_MINIO", "/opt/minio")
    monkeypatch.setenv("AUDITSEAL_PRODUCER__SERVICE", "invoices")
    assert load_settings(ExampleSettings, write(tmp_path, GOOD)).cluster == "audit.example.com"


def test_a_list_that_is_no_json_says_what_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDITSEAL_ARCHIVER", "[")
    (line,) = problems(write(tmp_path, GOOD))
    assert line.endswith('a variable that holds a list has to be JSON, such as ["a", "b"]')


@pytest.mark.parametrize("call", ["is_file", "open"])
def test_a_file_that_can_not_be_reached_or_read_is_an_error_of_its_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    """Pretended: for a test that runs as root nothing is out of reach."""
    locked, config = tmp_path / "ca.pem", write(tmp_path, GOOD)
    locked.touch()
    monkeypatch.setenv("AUDITSEAL_KAFKA__SSL_CA_FILE", str(locked))
    assert load_settings(ExampleSettings, config).kafka.ssl_ca_file == locked
    allowed = getattr(Path, call)

    def refuse(path: Path, *arguments: object, **named: object) -> object:
        if path == locked:
            raise PermissionError(13, "Permission denied")
        return allowed(path, *arguments, **named)

    monkeypatch.setattr(Path, call, refuse)
    assert problems(config) == [
        "kafka.ssl_ca_file (AUDITSEAL_KAFKA__SSL_CA_FILE): it can't be read: [Errno 13] Permission denied"
    ]


@pytest.mark.parametrize("name", ["SASL_PASSWORD_FILE", "SSL_KEY_FILE", "SSL_KEY_PASSWORD_FILE"])
def test_a_secret_that_others_may_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv("AUDITSEAL_KAFKA__SECURITY_PROTOCOL", "SASL_SSL")
    monkeypatch.setenv("AUDITSEAL_KAFKA__SASL_USERNAME", "sealer")
    monkeypatch.setenv("AUDITSEAL_KAFKA__SASL_PASSWORD_FILE", str(write_secret(tmp_path / "password", "hunter2")))
    secret = write_secret(tmp_path / "secret", "hunter2")
    monkeypatch.setenv(f"AUDITSEAL_KAFKA__{name}", str(secret))
    settings = load_settings(ExampleSettings, write(tmp_path, GOOD))
    settings.kafka.client_config()
    secret.chmod(0o644)
    with pytest.raises(ConfigurationError, match=f"chmod 600 {secret}"):
        settings.kafka.client_config()
