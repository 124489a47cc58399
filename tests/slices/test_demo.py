"""The demo keeps its promises: what it shows and leaves, what an interruption leaves, what it never removes."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

EVENTS = 2000
SERVICES = 5


def auditseal(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "auditseal", *arguments]


def start(directory: Path, *options: str, **variables: str) -> subprocess.Popen[str]:
    command = auditseal("demo", "--dir", str(directory), "--events", str(EVENTS), *options)
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **pipes, text=True, start_new_session=True, env={**os.environ, **variables})


def await_line(demo: subprocess.Popen[str], line: str) -> None:
    assert demo.stdout is not None
    while line not in (said := demo.stdout.readline()):
        assert said, f"it ended before {line!r}: {demo.communicate()}"


def processes_about(directory: Path) -> list[str]:
    """The command lines of running processes that name the folder, or run with it in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            command = process.cmdline()
            words = [*command, *process.environ().values()]
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        if any(str(directory) in word for word in words) and process.pid != os.getpid():
            found.append(" ".join(command))
    return found


def broker(demo: subprocess.Popen[str], directory: Path) -> None:
    """Kafka runs, and commands make key and topics."""
    await_line(demo, "a real Kafka runs")


def publishing(demo: subprocess.Popen[str], directory: Path) -> None:
    """All services publish: each has opened the file of its events."""
    await_line(demo, "sealer and archiver run")
    deadline = time.monotonic() + 60
    while len(list((directory / "logs").glob("*.jsonl"))) < SERVICES:
        assert demo.poll() is None, demo.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


def verifying(demo: subprocess.Popen[str], directory: Path) -> None:
    await_line(demo, "verifying the vault")


@pytest.mark.parametrize("moment", [broker, publishing, verifying], ids=lambda moment: moment.__name__)
def test_an_interrupted_demo_leaves_no_process_behind(
    tmp_path: Path, moment: Callable[[subprocess.Popen[str], Path], None]
) -> None:
    directory = tmp_path / "demo"
    demo = start(directory)
    moment(demo, directory)
    os.killpg(demo.pid, signal.SIGINT)
    _, errors = demo.communicate(timeout=60)
    left = processes_about(directory)
    assert (demo.returncode, "interrupted" in errors) == (130, True), errors
    assert left == []


def test_a_demo_killed_hard_takes_its_processes_with_it(tmp_path: Path) -> None:
    directory = tmp_path / "demo"
    demo = start(directory)
    publishing(demo, directory)
    assert len(processes_about(directory)) > SERVICES
    demo.kill()
    demo.communicate()
    deadline = time.monotonic() + 60
    while processes_about(directory) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert processes_about(directory) == []


def check_left_behind(directory: Path) -> None:
    """Check what a demo left, as a person would by hand."""
    recorded = [json.loads(line) for line in (directory / "events.jsonl").read_text().splitlines()]
    assert len({event["event_id"] for event in recorded}) == EVENTS
    assert len({(event["partition"], event["offset"]) for event in recorded}) == EVENTS
    verify = auditseal("verify", "--vault", (directory / "vault").as_uri(), "--trust", str(directory / "trust.txt"))
    by_hand = subprocess.run(verify, capture_output=True, text=True, check=False, timeout=60)
    assert by_hand.returncode == 0, by_hand.stdout + by_hand.stderr
    assert f"{EVENTS:,} records" in by_hand.stdout


def check_next_commands(out: str) -> None:
    """Check that each command which the demo suggests works as it is printed; the changed copy is a BAD_RECORD."""
    suggested, _, in_a_browser = out.partition("Try next:")[2].partition("See it in a browser:")
    assert in_a_browser.split()[1:3] == ["explore", "--open"]  # it serves until it is stopped: tests/slices has it
    commands = [line.strip() for line in suggested.splitlines() if line.strip()]
    assert [shlex.split(command)[1] for command in commands] == [
        *("verify", "show", "verify", "index", "search", "tail", "export", "prove", "check-proof")
    ]
    for command in commands:
        done = subprocess.run(
            auditseal(*shlex.split(command)[1:]), capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == (17 if "tampered-copy" in command else 0), done.stdout + done.stderr


def test_it_shows_what_it_promises_and_does_so_again(tmp_path: Path) -> None:
    """First with a real MinIO, then in the same folder with a directory; the caller's own settings don't reach it."""
    directory = tmp_path / "demo"
    strangers = {
        "AUDITSEAL_KAFKA__SECURITY_PROTOCOL": "SSL",
        "AUDITSEAL_NO_SUCH_KEY": "1",
        "AWS_SESSION_TOKEN": "of another account",
        "AWS_PROFILE": "absent",
    }
    out, errors = (minio := start(directory, "--vault", "minio", **strangers)).communicate(timeout=240)
    assert minio.returncode == 0, out + errors
    assert processes_about(directory) == []
    tampered = json.loads(
        subprocess.run(
            auditseal(
                *("verify", "--json", "--vault", (directory / "tampered-copy").as_uri()),
                *("--trust", str(directory / "trust.txt")),
            ),
            capture_output=True,
            text=True,
            check=False,
        ).stdout
    )
    (finding,) = (finding for log in tampered["logs"] for finding in log["findings"])
    place = f"log {finding['origin']}, block {finding['height']}, record at offset {finding['offset']}, field record:"
    assert f"BAD_RECORD: {place}" in out
    changed = f"the event at offset {finding['offset']} in block {finding['height']} of {finding['origin']} now names"
    assert changed in out
    assert "the store's root user may not delete v1/" in out
    assert "WORM protected" in out
    check_left_behind(directory)

    out, errors = (again := start(directory)).communicate(timeout=240)
    assert again.returncode == 0, out + errors
    assert "BAD_RECORD: log demo.auditseal.local/audit.events/" in out
    assert not (directory / "minio").exists()
    check_left_behind(directory)
    check_next_commands(out)


def test_a_folder_that_no_demo_made_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    demo = start(tmp_path)
    _, errors = demo.communicate(timeout=60)
    assert demo.returncode == 2
    assert "files that no demo made" in errors
    assert (tmp_path / "thesis.txt").read_text() == "mine"
