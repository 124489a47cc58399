"""The daemons' shell, run as what it is: a process that gets signals, answers HTTP and ends with a code."""

import json
import os
import signal
import subprocess

import pytest

from tests.factory.daemons import end, get, running, script


@pytest.mark.parametrize(
    ("body", "code", "event", "fields"),
    [
        ("pass", 0, "stopped", {}),
        ("raise HaltError(Halt.FORK, 'two')", 40, "halted", {"reason": "FORK", "runbook": "fork"}),
        ("raise ConfigurationError('no')", 2, "unusable configuration", {"problem": "no"}),
        ("raise TrustError('no')", 2, "unusable configuration", {"problem": "no"}),
        ("raise AuditsealError('away')", 1, "failed", {"problem": "away", "kind": "AuditsealError"}),
        ("raise OSError('disk')", 1, "failed", {"problem": "disk", "kind": "OSError"}),
        ("raise KeyError('bug')", 1, "failed on an error that nobody foresaw", {}),
        (
            "import confluent_kafka as c; raise c.KafkaException(c.KafkaError(1))",
            1,
            "failed",
            {"kind": "OFFSET_OUT_OF_RANGE", "problem": "Broker: Offset out of range"},
        ),
    ],
)
def test_each_end_has_its_code_and_a_last_line(body: str, code: int, event: str, fields: dict[str, str]) -> None:
    returncode, lines = end(body)
    assert returncode == code
    assert lines[-1]["event"] == event
    assert lines[-1].items() >= fields.items()


def test_an_unforeseen_error_shows_where() -> None:
    _, lines = end("raise KeyError('bug')")
    (exception,) = lines[-1]["exception"]
    assert (exception["exc_type"], exception["exc_value"]) == ("KeyError", "'bug'")
    assert exception["frames"][-1]["name"] == "body"


def test_an_unforeseen_error_shows_no_local_variable() -> None:
    """One of them may be a client's configuration, with its password."""
    _, lines = end("password = 'hunter2'.upper(); raise KeyError('bug')")
    assert "HUNTER2" not in json.dumps(lines)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_it_cleanly(number: signal.Signals) -> None:
    with running("context.stop.wait()") as (process, _):
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stderr
        lines = [json.loads(line) for line in process.stderr.read().splitlines()]
    assert [line["event"] for line in lines] == ["stopping", "stopped"]
    assert lines[0]["signal"] == number.name


def test_a_body_that_does_not_stop_is_cut_off() -> None:
    with running("import time; run.STOP_SECONDS = 0.5; time.sleep(600)") as (process, url):
        get(f"{url}/healthz")
        process.terminate()
        assert process.wait(60) == 1


@pytest.mark.parametrize(("last", "code"), [("pass", 0), ("raise HaltError(Halt.FORK, 'two')", 40)])
@pytest.mark.parametrize(
    "left",
    [
        "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()",
        "import atexit, time; atexit.register(time.sleep, 600)",
    ],
    ids=["a thread", "the interpreter's end"],
)
def test_what_is_left_behind_delays_no_end(left: str, last: str, code: int) -> None:
    with running(f"{left}\n{last}") as (process, _):
        assert process.wait(60) == code


def test_a_thread_left_behind_by_an_error_that_nobody_foresaw_is_cut_off() -> None:
    body = "import threading, time; run.STOP_SECONDS = 0.5; threading.Thread(target=time.sleep, args=(600,)).start()"
    with running(f"{body}\nraise KeyError('bug')") as (process, _):
        assert process.wait(60) == 1


def test_a_taken_port_is_a_failure_of_a_tool() -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as taken:
        command = script("pass", port=taken.getsockname()[1])
        done = subprocess.run(command, stderr=subprocess.PIPE, timeout=120, check=False, env=dict(os.environ))
    assert done.returncode == 1
    assert json.loads(done.stderr.splitlines()[-1])["event"] == "failed"
