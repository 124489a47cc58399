"""`auditseal emit` against librdkafka's mock cluster: every line is published, or accounted for."""

import io
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from auditseal.cli import app
from auditseal.cli.event_lines import MAX_LINE_BYTES, Line, parse_line, read_lines
from auditseal_schemas.errors import EventError

GOOD = {
    "actor": {"type": "user", "id": "u-1"},
    "action": "approve",
    "resources": [{"type": "invoice", "id": "inv-1"}],
    "outcome": "SUCCESS",
}


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_producer")


def emit(tmp_path: Path, lines: bytes, *options: str, mock: bool = True, **environment: str) -> Result:
    properties = tmp_path / "kafka.properties"
    properties.write_text("# for a test\n\n" + ("test.mock.num.brokers = 1\n" if mock else ""))
    common = ["--bootstrap-servers", "127.0.0.1:9", "--environment", "test", "--kafka-config", str(properties)]
    return CliRunner().invoke(app, ["emit", *common, *options], input=lines, env={"COLUMNS": "200", **environment})


def json_lines(*values: Any) -> bytes:
    return b"".join(json.dumps(value).encode() + b"\n" for value in values)


def test_all_lines_published(tmp_path: Path) -> None:
    result = emit(tmp_path, json_lines(GOOD, GOOD) + b"\n  \n" + json.dumps(GOOD).encode(), "--json")
    assert result.exit_code == 0, result.stderr
    summary = json.loads(result.stdout)
    assert summary.pop("seconds") >= 0
    assert summary == {"topic": "audit.events", "published": 3, "rejected": 0, "failed": 0}


def test_the_topic_is_the_daemons_unless_it_is_given(tmp_path: Path) -> None:
    daemons = {"AUDITSEAL_EVENTS_TOPIC": "eu.events"}
    assert json.loads(emit(tmp_path, b"", "--json", **daemons).stdout)["topic"] == "eu.events"
    assert json.loads(emit(tmp_path, b"", "--json", "--topic", "mine", **daemons).stdout)["topic"] == "mine"


def test_rejected_lines_are_kept_with_number_and_reason(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.jsonl"
    lines = json_lines(GOOD, GOOD | {"outcome": "fine"}) + b"\n\xff\x1b[31m\n" + json_lines(GOOD)
    result = emit(tmp_path, lines, "--json", "--rejects", str(rejects))
    assert result.exit_code == 3
    assert json.loads(result.stdout)["published"] == 2
    kept = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [(line["line"], line["reason"]) for line in kept] == [
        (2, "outcome: must be one of SUCCESS, FAILURE, DENIED, UNKNOWN"),
        (4, "the line isn't UTF-8: byte 0"),
    ]
    assert json.loads(kept[0]["text"]) == GOOD | {"outcome": "fine"}
    assert kept[1]["text"] == "\\xff\x1b[31m"


def test_without_a_file_rejects_are_told_unharmed(tmp_path: Path) -> None:
    result = emit(tmp_path, json_lines(GOOD | {"\x1b[31m": 1}))
    assert result.exit_code == 3
    assert "line 1: unknown field" in result.stderr
    assert "\x1b" not in result.stderr
    assert "0 published, 1 rejected, 0 failed; topic audit.events" in result.stderr
    assert result.stdout == ""


def test_lines_come_from_a_file_too(tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl"
    source.write_bytes(json_lines(*[GOOD] * 1500))
    result = emit(tmp_path, b"", str(source), "--json", "--topic", "other.events")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout).items() >= {"topic": "other.events", "published": 1500}.items()


def test_the_file_that_is_read_is_never_emptied_for_its_rejects(tmp_path: Path) -> None:
    source = tmp_path / "events.jsonl"
    source.write_bytes(json_lines(GOOD))
    (tmp_path / "link").symlink_to(source)
    result = emit(tmp_path, b"", str(source), "--rejects", str(tmp_path / "link"))
    assert (result.exit_code, source.read_bytes()) == (2, json_lines(GOOD))
    assert "is the file that is read" in result.stderr


def test_an_interruption_says_how_far_it_came(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lines_then_ctrl_c(_: object) -> Iterator[Line]:
        yield Line(1, json.dumps(GOOD).encode())
        raise KeyboardInterrupt

    monkeypatch.setattr("auditseal.cli.emit.read_lines", lines_then_ctrl_c)
    result = emit(tmp_path, b"")
    assert result.exit_code == 130
    assert "1 published, 0 rejected, 0 failed" in result.stderr
    assert "interrupted at line 1" in result.stderr


def test_ctrl_c_waits_for_a_moment_and_accounts_for_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ctrl_c(_: object) -> Iterator[Line]:
        yield Line(1, json.dumps(GOOD).encode())
        raise KeyboardInterrupt

    monkeypatch.setattr("auditseal.cli.emit.read_lines", ctrl_c)
    monkeypatch.setattr("auditseal.cli.emit._LAST_SECONDS", 1.0)
    monkeypatch.setattr("auditseal_producer.AuditProducer.check_broker", lambda *_: None)
    began = time.monotonic()
    result = emit(tmp_path, b"", "--json", mock=False)
    assert time.monotonic() - began < 10
    assert result.exit_code == 130
    assert json.loads(result.stdout).items() >= {"published": 0, "failed": 1}.items()


def test_a_broker_that_is_away_is_told_once(tmp_path: Path) -> None:
    """In a process of its own: the client's log goes to standard error where nobody has set another place."""
    command = [sys.executable, "-m", "auditseal", "emit", "--bootstrap-servers", "127.0.0.1:9", "--environment", "test"]
    result = subprocess.run([*command, "--timeout", "2"], input=b"", capture_output=True, timeout=60, check=False)
    assert result.returncode == 1
    (line,) = result.stderr.decode().splitlines()
    assert line.startswith("auditseal emit: 127.0.0.1:9 doesn't answer within 2.0 s")


def test_no_broker_is_a_failure_of_the_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditseal.cli.emit._BROKER_SECONDS", 0.3)
    result = emit(tmp_path, json_lines(GOOD), "--timeout", "1", mock=False)
    assert result.exit_code == 1
    assert "127.0.0.1:9 doesn't answer within 0.3 s" in result.stderr


def test_an_event_without_acknowledgement_is_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("auditseal_producer.AuditProducer.check_broker", lambda *_: None)
    rejects = tmp_path / "rejects.jsonl"
    options = ("--timeout", "1", "--json", "--rejects", str(rejects))
    result = emit(tmp_path, json_lines(GOOD, GOOD | {"action": ""}), *options, mock=False)
    assert result.exit_code == 1
    assert json.loads(result.stdout).items() >= {"published": 0, "rejected": 1, "failed": 1}.items()
    reasons = {line["line"]: line["reason"] for line in map(json.loads, rejects.read_text().splitlines())}
    assert "got no acknowledgement" in reasons[1]
    assert reasons[2] == "action: must not be empty"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--bootstrap-servers", "kafka.example.com:9092"), "in the clear, over a network"),
        (("--topic", ""), "topic: must not be empty"),
        (("--service", ""), "source.service: must not be empty"),
    ],
)
def test_a_wrong_configuration_is_exit_code_2(tmp_path: Path, options: tuple[str, ...], problem: str) -> None:
    result = emit(tmp_path, b"", *options)
    assert result.exit_code == 2
    assert problem in result.stderr


def test_a_broken_properties_file_is_exit_code_2(tmp_path: Path) -> None:
    broken = tmp_path / "broken.properties"
    broken.write_text("linger.ms=5\nacks\n")
    result = emit(tmp_path, b"", "--kafka-config", str(broken))
    assert result.exit_code == 2
    assert "line 2 is not name=value" in result.stderr


def test_rejects_that_can_not_be_kept_are_a_failure_of_the_tool(tmp_path: Path) -> None:
    result = emit(tmp_path, b"", "--rejects", str(tmp_path / "absent" / "file"))
    assert result.exit_code == 1
    assert "No such file" in result.stderr


@pytest.mark.parametrize("options", [["--kafka-config"], []])
def test_a_file_to_read_that_is_not_there_is_exit_code_2(tmp_path: Path, options: list[str]) -> None:
    result = emit(tmp_path, b"", *options, str(tmp_path / "absent"))
    assert result.exit_code == 2
    assert "does not exist" in result.stderr


def test_the_servers_come_from_the_environment() -> None:
    environment = {"AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": "kafka.example.com:1", "AUDITSEAL_ENVIRONMENT": "test"}
    result = CliRunner().invoke(app, ["emit"], env=environment)
    assert result.exit_code == 2
    assert "kafka.example.com would be reached" in result.stderr


def test_a_missing_option_is_exit_code_2() -> None:
    result = CliRunner().invoke(app, ["emit"], env={"AUDITSEAL_KAFKA__BOOTSTRAP_SERVERS": "", "COLUMNS": "200"})
    assert result.exit_code == 2


def test_help_has_an_example() -> None:
    result = CliRunner().invoke(app, ["emit", "--help"], env={"COLUMNS": "200"})
    assert "auditseal emit --environment test" in result.stdout


def test_lines_are_read_in_bounded_pieces() -> None:
    endless = b"x" * (2 * MAX_LINE_BYTES + 10)
    lines = list(read_lines(io.BytesIO(b"a\r\n" + endless + b"\n\nlast")))
    assert [line.number for line in lines] == [1, 2, 4]
    assert lines[0] == Line(1, b"a\r\n")
    assert len(lines[1].text) == MAX_LINE_BYTES + 1
    with pytest.raises(EventError, match="longer than"):
        parse_line(lines[1].text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"{", "the line isn't JSON: Expecting property name"),
        (b'{"action": "a", "action": "b"}', "a JSON object has a key twice"),
        (b"[" * 100_000, "nested too deeply"),
        (b"7", "an event must be a JSON object, not int"),
        (b'{"action": "\xff"}', "isn't UTF-8: byte 12"),
    ],
)
def test_a_line_that_is_no_event_says_why(text: bytes, problem: str) -> None:
    with pytest.raises(EventError) as refusal:
        parse_line(text)
    assert problem in str(refusal.value)
