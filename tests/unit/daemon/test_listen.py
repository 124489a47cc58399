"""A check of the address agrees with the start, but for a port that is in use."""

import socket

import pytest

from auditseal_daemon.listen import check_listening, format_address, listen
from auditseal_schemas.errors import ConfigurationError
from tests.factory.daemons import NEEDS_IPV6


def test_an_address_as_urls_have_it() -> None:
    assert format_address("127.0.0.1", 1) == "127.0.0.1:1"
    assert format_address("::", 1) == "[::]:1"
    assert format_address("fe80::1%eth0", 1) == "[fe80::1%25eth0]:1"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", pytest.param("::1", marks=NEEDS_IPV6), pytest.param("::", marks=NEEDS_IPV6)]
)
def test_an_address_that_passes_the_check_can_be_listened_on(host: str) -> None:
    check_listening(host, 0)
    listen(host, 0).close()


def test_a_port_in_use_passes_the_check_and_fails_the_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        check_listening("127.0.0.1", port)
        with pytest.raises(OSError, match="in use"):
            listen("127.0.0.1", port)


@pytest.mark.parametrize("act", [check_listening, listen])
def test_an_address_of_another_machine_fails_both(act) -> None:
    with pytest.raises(ConfigurationError, match=r"can't listen on 192\.0\.2\.1:0: .* Name an address"):
        act("192.0.2.1", 0)


def test_an_error_names_the_section_that_has_the_address() -> None:
    with pytest.raises(ConfigurationError, match=r"^gateway\.host, gateway\.port: can't listen on "):
        listen("192.0.2.1", 0, "gateway")
