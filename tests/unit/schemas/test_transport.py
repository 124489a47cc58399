"""Plaintext goes no further than this machine."""

import pytest

from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.transport import check_transport


@pytest.mark.parametrize(
    "servers",
    [
        "127.0.0.1:9092",
        "localhost",
        "LocalHost:1",
        "127.8.9.1:1,localhost:2",
        "[::1]:9092",
        "PLAINTEXT://127.0.0.1:9092",
    ],
)
@pytest.mark.parametrize("protocol", ["PLAINTEXT", "plaintext", "SASL_PLAINTEXT"])
def test_plaintext_on_this_machine_is_fine(servers: str, protocol: str) -> None:
    check_transport(servers, protocol)


@pytest.mark.parametrize("protocol", ["SSL", "sasl_ssl"])
def test_tls_may_go_anywhere(protocol: str) -> None:
    check_transport("kafka-1.example.com:9093, kafka-2.example.com", protocol)


@pytest.mark.parametrize(
    ("servers", "exposed"),
    [
        ("kafka.example.com:9092", "kafka.example.com"),
        ("127.0.0.1:9092, 10.0.0.7:9092", "10.0.0.7"),
        ("localhost.example.com", "localhost.example.com"),
        ("0.0.0.0:9092", "0.0.0.0"),
        ("[fe80::1]:9092", "fe80::1"),
        ("127.0.0.1.example.com:1", "127.0.0.1.example.com"),
    ],
)
def test_plaintext_to_another_machine_is_refused(servers: str, exposed: str) -> None:
    with pytest.raises(ConfigurationError, match=r"in the clear, over a network") as refusal:
        check_transport(servers, "SASL_PLAINTEXT")
    assert str(refusal.value).startswith(f"bootstrap.servers: {exposed} would")


@pytest.mark.parametrize("servers", ["", ":9092", "127.0.0.1:1,,"])
def test_a_server_has_a_host(servers: str) -> None:
    with pytest.raises(ConfigurationError, match="names no host"):
        check_transport(servers, "SSL")


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"security.protocol: 'TLS' is not one of PLAINTEXT"):
        check_transport("localhost", "TLS")
