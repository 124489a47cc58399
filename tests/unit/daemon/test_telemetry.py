"""What a daemon answers over HTTP."""

import pytest

from auditseal_daemon.telemetry import Health
from tests.factory.daemons import NEEDS_IPV6, await_ready, end, get, running


def test_health_and_metrics() -> None:
    body = 'context.health.hold("kafka"); context.health.miss("store", "it is away"); context.stop.wait(240)'
    with running(body) as (_, url):
        assert get(f"{url}/healthz") == (200, '{"alive": true}\n')
        await_ready(url, 503, {"ready": False, "missing": {"store": "it is away"}})
        code, metrics = get(f"{url}/metrics")
        assert code == 200
        assert 'auditseal_build_info{component="example",version="' in metrics
        assert "process_resident_memory_bytes" in metrics
        assert get(f"{url}/secret")[0] == 404


def test_ready_once_every_condition_holds() -> None:
    body = 'context.health.hold("store"); context.health.hold("kafka"); context.stop.wait(240)'
    with running(body) as (_, url):
        await_ready(url, 200, {"ready": True, "missing": {}})


def test_a_condition_that_was_not_named_is_a_bug() -> None:
    health = Health(["kafka"])
    with pytest.raises(ValueError, match="'kfka' is not one of the conditions kafka"):
        health.hold("kfka")
    with pytest.raises(ValueError, match="conditions"):
        health.miss("kfka", "why")
    assert health.missing() == {"kafka": "not yet"}


WAIT = "context.stop.wait(240)"


@pytest.mark.parametrize(
    ("host", "shown", "reached"),
    [
        ("127.0.0.1", "http://127.0.0.1:", ["127.0.0.1"]),
        ("localhost", "http://localhost:", ["127.0.0.1"]),
        ("0.0.0.0", "http://0.0.0.0:", ["127.0.0.1"]),
        pytest.param("::1", "http://[::1]:", ["[::1]"], marks=NEEDS_IPV6),
        pytest.param("::", "http://[::]:", ["[::1]", "127.0.0.1"], marks=NEEDS_IPV6),
    ],
)
def test_it_answers_where_it_was_asked_to_and_logs_a_url_that_works(host: str, shown: str, reached: list[str]) -> None:
    with running(WAIT, host) as (_, url):
        assert url.startswith(shown)
        port = url.rpartition(":")[2]
        assert [get(f"http://{name}:{port}/healthz")[0] for name in reached] == [200] * len(reached)
        assert get(f"{url}/healthz")[0] == 200


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "no.such.host.invalid"])
def test_a_host_that_is_not_this_machine_is_unusable(host: str) -> None:
    code, lines = end("pass", host)
    assert (code, lines[-1]["event"]) == (2, "unusable configuration")
    assert lines[-1]["problem"].startswith("metrics.host, metrics.port: can't listen on ")
