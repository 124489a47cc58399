"""The pytest plugin: a service's tests get recorders by fixtures, without importing anything."""

import subprocess
import sys
from pathlib import Path

TESTS = """
import asyncio
from auditseal import Actor, AuditProducer, Outcome, Resource

FIELDS = dict(actor=Actor("user", "u-1"), action="a", resources=[Resource("r", "1")], outcome=Outcome.SUCCESS)

def test_one(recorded_events):
    recorded_events.record(**FIELDS)
    assert recorded_events.only_event().action == "a"

def test_each_test_has_its_own(recorded_events):
    assert recorded_events.events == []

def test_coroutines(async_recorded_events):
    asyncio.run(async_recorded_events.record(**FIELDS))
    assert async_recorded_events.only_event().action == "a"
"""


def test_the_fixtures(tmp_path: Path) -> None:
    (tmp_path / "test_service.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
    assert "3 passed" in done.stdout


def test_the_plugin_loads_nothing_that_a_test_without_it_would_not(tmp_path: Path) -> None:
    (tmp_path / "test_other.py").write_text(
        "import sys\n\ndef test():\n    assert 'confluent_kafka' not in sys.modules\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", tmp_path]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    assert done.returncode == 0, done.stdout
