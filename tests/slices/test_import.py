"""`auditseal import` on a real Kafka: a second run adds nothing, an interrupted one continues, and rejects are told."""

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal.cli.import_state import open_state
from auditseal_importers.original import original_bytes
from auditseal_local.kafka import KafkaNode
from auditseal_schemas.errors import ConfigurationError
from auditseal_schemas.exit_codes import ExitCode
from tests.factory.gateway import read_events

DATA = Path(__file__).parents[1] / "data" / "importers"
FILES = {
    "cloudtrail": ("cloudtrail.json", 3),
    "kubernetes": ("kubernetes.log", 2),
    "pgaudit": ("pgaudit.log", 2),
    "pgaudit-csv": ("pgaudit.csv", 2),
    "journald": ("journald.json", 2),
    "syslog": ("syslog.log", 3),
}


def run(servers: str, topic: str, kind: str, state: Path, *words: str) -> tuple[int, dict[str, int], str]:
    command = ["import", kind, *words, "--bootstrap-servers", servers, "--topic", topic, "--environment", "test"]
    done = CliRunner().invoke(app, [*command, "--service", "source", "--state", str(state), "--json"])
    counts = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    return done.exit_code, counts, done.stderr


def test_each_format_and_a_second_run_that_adds_nothing(
    kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic, state, servers = make_topic("events"), tmp_path / "state", kafka.bootstrap_servers
    for kind, (name, count) in FILES.items():
        assert run(servers, topic, kind, state, str(DATA / name))[1]["published"] == count
    packed = tmp_path / "again.json.gz"
    packed.write_bytes(gzip.compress((DATA / "cloudtrail.json").read_bytes()))
    code, counts, _ = run(servers, topic, "cloudtrail", state, str(DATA / "cloudtrail.json"), str(packed))
    assert (code, counts["published"], counts["known"]) == (0, 0, 6)
    grown = tmp_path / "grown.log"
    more = (DATA / "syslog.log").read_bytes() + b"<34>1 2026-11-21T12:00:09Z - su - ID49 -\n"
    grown.write_bytes(more)
    code, counts, _ = run(servers, topic, "syslog", state, str(grown))
    assert (code, counts["published"], counts["known"]) == (0, 1, 3)
    events = read_events(servers, topic)
    assert len(events) == len({event.event_id for event in events}) == 15
    assert original_bytes(events[-1].attributes) == more.splitlines()[-1]


@pytest.mark.parametrize(("kind", "end"), [("pgaudit", "json"), ("pgaudit-csv", "csv")])
def test_a_log_that_is_rotated_between_runs_loses_nothing_and_adds_nothing(
    kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path, kind: str, end: str
) -> None:
    topic, state, servers = make_topic("events"), tmp_path / "state", kafka.bootstrap_servers
    whole = (DATA / f"postgresql-15-both.{end}").read_bytes()
    middle, new = whole.index(b"Zo"), whole.index(b"CREATE ROLE")  # within records
    new = whole.rindex(b"\n", 0, new) + 1
    log, rotated, packed = (tmp_path / name for name in ("pg.log", "pg.log.1", "pg.log.2.gz"))
    log.write_bytes(whole[:middle])
    code, early, _ = run(servers, topic, kind, state, str(log))
    assert (code, early["rejected"], early["published"]) == (ExitCode.REJECTED, 1, 2)  # half a record waits
    log.write_bytes(whole[:new])
    log.rename(rotated)
    log.write_bytes(whole[new:])
    code, later, _ = run(servers, topic, kind, state, str(rotated), str(log))
    assert (later["known"], early["published"] + later["published"]) == (2, 17)
    packed.write_bytes(gzip.compress(rotated.read_bytes()))
    log.rename(rotated)
    log.touch()
    code, last, _ = run(servers, topic, kind, state, str(packed), str(rotated), str(log))
    assert (last["published"], last["known"], last["rejected"]) == (0, 17, 1)  # the forged line
    assert len(read_events(servers, topic)) == 17


def test_what_cannot_be_read_is_rejected_and_the_rest_published(
    kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic, servers = make_topic("events"), kafka.bootstrap_servers
    good = (DATA / "kubernetes.log").read_bytes().splitlines()
    log, cut, rejects = tmp_path / "audit.log", tmp_path / "cut.log.gz", tmp_path / "rejects.jsonl"
    large = b'{"a": "' + b"x" * (9 << 20) + b'"}'
    log.write_bytes(b"\n".join([good[0], good[0][:100], b"[" * 200_000, large, b"\xff", good[1]]))
    cut.write_bytes(gzip.compress(b"\n".join(good) * 100)[:-20])
    code, counts, _ = run(servers, topic, "kubernetes", tmp_path / "s", str(log), str(cut), "--rejects", str(rejects))
    assert (code, counts["published"], counts["rejected"] >= 5) == (ExitCode.REJECTED, 2, True)
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [reject["line"] for reject in told[:4]] == [2, 3, 4, 5]
    assert all(str(tmp_path) in reject["reason"] for reject in told)
    code, counts, stderr = run(servers, topic, "cloudtrail", tmp_path / "s", str(log))
    assert (code, counts["rejected"]) == (ExitCode.REJECTED, 1)
    assert "auditseal import: record 0:" in stderr


def test_a_killed_import_is_continued_and_loses_nothing(
    kafka: KafkaNode, make_topic: Callable[..., str], tmp_path: Path
) -> None:
    topic, servers, state, count = make_topic("events"), kafka.bootstrap_servers, tmp_path / "state", 20_000
    pipe = tmp_path / "growing.log"
    os.mkfifo(pipe)
    words = ["--bootstrap-servers", servers, "--topic", topic, "--environment", "test", "--service", "source"]
    command = [sys.executable, "-m", "auditseal", "import", "syslog", str(pipe), "--state", str(state), *words]
    lines = [f"<34>1 2026-11-21T12:00:09Z host su - ID{number} - {number}\n".encode() for number in range(count)]
    with subprocess.Popen(command) as process, pipe.open("wb") as log:
        log.writelines(lines[: count // 2])
        log.flush()
        await_saved(state)
        process.kill()
        process.wait(60)
    whole = tmp_path / "whole.log"
    whole.write_bytes(b"".join(lines))
    code, counts, _ = run(servers, topic, "syslog", state, str(whole))
    assert (code, counts["published"] + counts["known"]) == (0, count)
    assert 0 < counts["known"] < count
    found = read_events(servers, topic)
    assert {original_bytes(event.attributes) + b"\n" for event in found} == set(lines)
    assert len({event.event_id for event in found}) == count
    code, counts, _ = run(servers, topic, "syslog", state, str(whole))
    assert (code, counts["published"], counts["known"]) == (0, 0, count)
    assert len(read_events(servers, topic)) == len(found)


def await_saved(state: Path) -> None:
    """Wait until an import that runs has saved some events."""
    deadline = time.monotonic() + 60
    while True:
        size = sum(path.stat().st_size for path in state.parent.glob(f"{state.name}*") if path.is_file())
        if size > 64 * 1024:  # thousands of ids; the file itself is locked
            return
        assert time.monotonic() < deadline, f"the state has {size} bytes"
        time.sleep(0.05)


def test_a_failed_delivery_is_published_by_the_next_run(tmp_path: Path) -> None:
    state = tmp_path / "state"
    code, _, stderr = run("127.0.0.1:1", "audit.events", "syslog", state, str(DATA / "syslog.log"), "--timeout", "1")
    assert (code, "127.0.0.1:1" in stderr) == (ExitCode.FAILED, True)
    with open_state(state) as reopened:
        assert reopened.digest_of("019390a0-0000-7000-8000-000000000001") is None


def test_a_state_file_is_used_by_one_run_at_a_time_and_is_one(tmp_path: Path) -> None:
    path, other = tmp_path / "state", tmp_path / "other"
    other.write_text("something else")
    identity = "019390a0-0000-7000-8000-000000000001"
    with open_state(path) as state:
        assert state.digest_of(identity) is None
        state.take(identity, b"digest")
        assert state.digest_of(identity) == b"digest"
        state.acknowledge(identity)
        with pytest.raises(ConfigurationError, match="no other import uses it"), open_state(path):
            pass
    with open_state(path) as state:
        assert state.digest_of(identity) == b"digest"
    with pytest.raises(ConfigurationError, match="not a database"), open_state(other):
        pass
