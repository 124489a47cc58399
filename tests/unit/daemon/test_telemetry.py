"""What a daemon answers over HTTP."""

import pytest

from auditseal_daemon.telemetry import Health
from tests.factory.daemons import await_ready, get, running


def test_health_and_metrics() -> None:
    body = 'context.health.hold("kafka"); context.health.miss("store", "it is away"); context.stop.wait(20)'
    with running(body) as (_, url):
        assert get(f"{url}/healthz") == (200, '{"alive": true}\n')
        await_ready(url, 503, {"ready": False, "missing": {"store": "it is away"}})
        code, metrics = get(f"{url}/metrics")
        assert code == 200
        assert 'auditseal_build_info{component="example",version="' in metrics
        assert "process_resident_memory_bytes" in metrics
        assert get(f"{url}/secret")[0] == 404


def test_ready_once_every_condition_holds() -> None:
    body = 'context.health.hold("store"); context.health.hold("kafka"); context.stop.wait(20)'
    with running(body) as (_, url):
        await_ready(url, 200, {"ready": True, "missing": {}})


def test_a_condition_that_was_not_named_is_a_bug() -> None:
    health = Health(["kafka"])
    with pytest.raises(ValueError, match="'kfka' is not one of the conditions kafka"):
        health.hold("kfka")
    with pytest.raises(ValueError, match="conditions"):
        health.miss("kfka", "why")
    assert health.missing() == {"kafka": "not yet"}
