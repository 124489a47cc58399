"""Ports: free, different, and none that an outgoing connection may be given."""

import random
import socket
from pathlib import Path

import pytest

from auditseal_local import ports
from auditseal_local.errors import LocalStackError


def test_they_differ_and_lie_below_the_ephemeral_range() -> None:
    found = ports.free_ports(20)
    assert len(set(found)) == 20
    assert all(10_000 <= port < ports._ephemeral_start() for port in found)


def test_a_taken_port_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = ports.free_ports(1)[0]
        draws = iter([port, free, free])
        monkeypatch.setattr(random.SystemRandom, "randrange", lambda *_: next(draws))
        assert ports.free_ports(1) == [free]
        assert ports.accepts(port)
    assert not ports.accepts(port)


def test_no_free_port_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_is_free", lambda _port: False)
    with pytest.raises(LocalStackError, match="no 2 free ports"):
        ports.free_ports(2)


@pytest.mark.parametrize(("text", "start"), [("32768\t60999\n", 32768), ("1024 65535", 65536)])
def test_the_range_is_the_kernels(text: str, start: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "_EPHEMERAL_RANGE", tmp_path / "range")
    assert ports._ephemeral_start() == 32768
    (tmp_path / "range").write_text(text)
    assert ports._ephemeral_start() == start
