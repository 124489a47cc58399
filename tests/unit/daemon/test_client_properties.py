"""A connection's properties: secrets as their files have them now, and the last one where a file can't be read."""

import logging
from pathlib import Path

import pytest

from auditseal_daemon.client_properties import ClientProperties, log_in_again
from auditseal_daemon.secret_file import read_secret
from auditseal_schemas.errors import ConfigurationError
from tests.factory.secret_files import write_secret


class Client:
    """A client that remembers what it was last given."""

    given: tuple[str, str] | None = None

    def set_sasl_credentials(self, username: str, password: str) -> None:
        self.given = username, password


@pytest.fixture
def password(tmp_path: Path) -> Path:
    return write_secret(tmp_path / "password", "old\n")


@pytest.fixture
def properties(password: Path) -> ClientProperties:
    return ClientProperties({"sasl.username": "sealer"}, {"sasl.password": lambda: read_secret(password)})


def test_a_renewed_secret_is_in_each_later_copy(properties: ClientProperties, password: Path) -> None:
    assert {**properties} == {"sasl.username": "sealer", "sasl.password": "old"}
    password.write_text("new\n")
    assert {**properties} == properties == {"sasl.username": "sealer", "sasl.password": "new"}
    assert (len(properties), list(properties)) == (2, ["sasl.username", "sasl.password"])


def test_a_file_that_is_empty_or_gone_for_a_moment_changes_nothing_and_is_logged(
    properties: ClientProperties, password: Path, caplog: pytest.LogCaptureFixture
) -> None:
    password.write_text("new")
    assert properties["sasl.password"] == "new"
    password.write_text("")
    with caplog.at_level(logging.WARNING):
        assert properties["sasl.password"] == "new"
        password.unlink()
        assert properties["sasl.password"] == "new"
    assert len(caplog.messages) == 2
    assert all("the secret that was read before is used" in message for message in caplog.messages)


def test_a_secret_that_cant_be_read_at_first_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't be read"):
        ClientProperties({}, {"sasl.password": lambda: read_secret(tmp_path / "none")})


def test_no_secret_is_shown(properties: ClientProperties) -> None:
    assert "old" not in repr(properties)
    assert "sasl.password" in repr(properties)


def test_a_client_logs_in_again_with_what_the_file_has_now(properties: ClientProperties, password: Path) -> None:
    client = Client()
    password.write_text("new")
    log_in_again(client, properties)
    assert client.given == ("sealer", "new")


def test_a_client_without_a_password_keeps_what_it_has() -> None:
    client = Client()
    log_in_again(client, {"sasl.mechanism": "OAUTHBEARER"})
    assert client.given is None
