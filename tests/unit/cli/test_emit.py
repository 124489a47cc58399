"""`auditseal emit` against librdkafka's mock cluster: every line is published, or accounted for."""

import io
import json
import logging
import os
import signal
import subprocess
import sys
import time
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from auditseal import Actor, AuditProducer, Outcome, RecordedEvents, Resource
from auditseal.cli import app
from auditseal.cli.event_lines import MAX_LINE_BYTES, Line, parse_line, read_lines
from auditseal.cli.properties_file import read_properties
from auditseal_producer.encoded_file import append_encoded
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


def start(tmp_path: Path, *options: str, mock: bool = True, prefix: tuple[str, ...] = (), **more: Any) -> Popen[bytes]:
    """Start the command as a process, with the other ends of its standard streams."""
    properties = tmp_path / "kafka.properties"
    properties.write_text("test.mock.num.brokers=1\n" if mock else "")
    command = [*prefix, sys.executable, "-m", "auditseal", "emit", "--bootstrap-servers", "127.0.0.1:9"]
    command += ["--environment", "test", "--kafka-config", str(properties), *options]
    return Popen(command, **({"stdin": PIPE, "stdout": PIPE, "stderr": PIPE} | more))


def await_rejects(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not (path.exists() and path.read_bytes().endswith(b"}\n")):
        assert time.monotonic() < deadline, "the rejected line doesn't come"
        time.sleep(0.05)


def await_handler(pid: int, number: signal.Signals) -> None:
    """Wait until a process handles a signal."""
    deadline, caught = time.monotonic() + 60, 0
    while not caught >> (number - 1) & 1:
        assert time.monotonic() < deadline, f"{number.name} isn't handled"
        time.sleep(0.05)
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        (caught,) = (int(line.split()[1], 16) for line in lines if line.startswith("SigCgt:"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    """While it waits for more input; what it read is published, counted and in the rejects."""
    rejects = tmp_path / "rejects.jsonl"
    with start(tmp_path, "--json", "--rejects", str(rejects)) as process:
        assert process.stdin is not None
        process.stdin.write(json_lines(GOOD, GOOD) + b"not an event\n")
        process.stdin.flush()
        await_rejects(rejects)  # each is written at once
        process.send_signal(number)
        out, told = process.communicate(timeout=120)
    assert process.returncode == 130, told
    assert json.loads(out).items() >= {"published": 2, "rejected": 1, "failed": 0}.items()
    assert b"interrupted at line 3, the last one that is counted above" in told
    assert [json.loads(line)["line"] for line in rejects.read_text().splitlines()] == [3]


def test_a_signal_that_is_ignored_stays_so(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.jsonl"
    with start(tmp_path, "--json", "--rejects", str(rejects), prefix=("nohup",)) as process:
        assert process.stdin is not None
        process.stdin.write(b"not an event\n")
        process.stdin.flush()
        await_rejects(rejects)
        process.send_signal(signal.SIGHUP)
        time.sleep(0.3)
        out, told = process.communicate(json_lines(GOOD), timeout=120)
    assert process.returncode == 3, told
    assert json.loads(out).items() >= {"published": 1, "rejected": 1}.items()


def test_a_signal_while_it_waits_for_a_broker(tmp_path: Path) -> None:
    with start(tmp_path, mock=False) as process:
        await_handler(process.pid, signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=120)
    assert (process.returncode, b"interrupted before the first line" in told) == (130, True), told


def test_ctrl_c_waits_for_a_moment_and_accounts_for_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def ctrl_c(_: object) -> Iterator[Line]:
        yield Line(1, json.dumps(GOOD).encode())
        signal.raise_signal(signal.SIGINT)
        yield Line(2, json.dumps(GOOD).encode())

    monkeypatch.setattr("auditseal.cli.emission.read_lines", ctrl_c)
    monkeypatch.setattr("auditseal.cli.emit._LAST_SECONDS", 1.0)
    monkeypatch.setattr("auditseal_producer.AuditProducer.check_broker", lambda *_: None)
    began = time.monotonic()
    result = emit(tmp_path, b"", "--json", mock=False)
    assert time.monotonic() - began < 10
    assert result.exit_code == 130
    assert json.loads(result.stdout).items() >= {"published": 0, "failed": 1}.items()
    assert "interrupted at line 1" in result.stderr


@pytest.mark.parametrize("by", ["standard input", "hard link", "--kafka-config", "--encoded"])
def test_no_file_that_is_read_is_written(tmp_path: Path, by: str) -> None:
    source, properties = tmp_path / "events.jsonl", tmp_path / "kafka.properties"
    source.write_bytes(json_lines(GOOD))
    read = {"standard input": source, "hard link": tmp_path / "hard", "--kafka-config": properties, "--encoded": source}
    options = {"hard link": [str(source)], "--encoded": ["--encoded", str(source)]}.get(by, [])
    if by == "hard link":
        (tmp_path / "hard").hardlink_to(source)
    with source.open("rb") as file, start(tmp_path, *options, "--rejects", str(read[by]), stdin=file) as process:
        _, told = process.communicate(timeout=120)
    assert (process.returncode, b"is the file that is read" in told) == (2, True), told
    assert source.read_bytes() == json_lines(GOOD)
    assert properties.read_text() == "test.mock.num.brokers=1\n"


def test_a_second_run_adds_to_the_rejects_of_the_first(tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.jsonl"
    for _ in range(2):
        emit(tmp_path, b"{\n", "--rejects", str(rejects))
    with rejects.open("ab") as file:
        file.write(b'{"line": 7, "reas')  # a run that was killed
    emit(tmp_path, b"{\n", "--rejects", str(rejects))
    whole = [line for line in rejects.read_text().splitlines() if line.endswith("}")]
    assert [json.loads(line)["text"] for line in whole] == ["{"] * 3
    assert rejects.stat().st_mode & 0o077 == 0


def test_rejects_that_can_not_be_written_end_it_with_all_counts(tmp_path: Path) -> None:
    result = emit(tmp_path, json_lines(GOOD) + b"{\n" + json_lines(GOOD), "--json", "--rejects", "/dev/full")
    assert result.exit_code == 1
    assert json.loads(result.stdout).items() >= {"published": 1, "rejected": 1}.items()
    assert "line 2: the line isn't JSON" in result.stderr
    assert "the rejects can't be written: [Errno 28]" in result.stderr


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("sasl.password=\xe9t\xe9\n".encode("latin-1"), "line 1 isn't UTF-8"),
        ("linger.ms=5\n".encode("utf-16"), "line 1 isn't UTF-8"),
        (b"linger.ms=5\n=5\n", "line 2 is not name=value"),
        (b"linger.ms=5\nlinger.ms=6\n", "line 2 sets linger.ms a second time"),
        (b"sasl.password=a\0b\n", "line 1 has a NUL byte"),
        (b"#" * (1 << 20) + b"#", "it is larger than 1048576 bytes"),
    ],
)
def test_a_wrong_properties_file_is_exit_code_2(tmp_path: Path, content: bytes, problem: str) -> None:
    wrong = tmp_path / "wrong.properties"
    wrong.write_bytes(content)
    result = emit(tmp_path, b"", "--kafka-config", str(wrong))
    assert (result.exit_code, result.exception.__class__) == (2, SystemExit), result.stderr
    assert problem in result.stderr


def test_a_properties_file_may_have_a_byte_order_mark_and_odd_characters(tmp_path: Path) -> None:
    path = tmp_path / "odd.properties"
    path.write_bytes("\ufeffsasl.password = a\x85b\u2028=c \r\n  # comment\n\n".encode())
    assert read_properties(path) == {"sasl.password": "a\x85b\u2028=c"}


NULS = b"\0" * (9 << 20)


@pytest.mark.parametrize("before", [NULS, b" " * (9 << 20)], ids=["NULs", "spaces"])
def test_a_line_that_is_too_long_is_kept_as_a_whole(tmp_path: Path, before: bytes) -> None:
    """Such as one that was written behind the hole that a crash left in a file."""
    rejects = tmp_path / "rejects.jsonl"
    lines = json_lines(GOOD) + before + json_lines(GOOD) + json_lines(GOOD)
    result = emit(tmp_path, lines, "--json", "--rejects", str(rejects))
    assert json.loads(result.stdout).items() >= {"published": 2, "rejected": 1}.items()
    (kept,) = map(json.loads, rejects.read_text().splitlines())
    assert (kept["line"], "longer than" in kept["reason"]) == (2, True)
    assert kept["text"].encode() == before + json.dumps(GOOD).encode()


@pytest.fixture
def undelivered() -> list[bytes]:
    """Events that a producer could not deliver, as `DeliveryError.encoded` has them."""
    audit = RecordedEvents(service="billing")
    with audit.brokers_down():
        for number in range(3):
            fields: Any = {"actor": Actor("user", f"u-{number}"), "action": "approve", "outcome": Outcome.SUCCESS}
            audit.record(**fields, resources=[Resource("invoice", "1")])
    return [failure.encoded for failure in audit.failures]


def test_events_that_could_not_be_delivered_are_published_as_they_are(
    tmp_path: Path, undelivered: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[bytes] = []
    republish = AuditProducer.republish
    monkeypatch.setattr(AuditProducer, "republish", lambda self, one: (published.append(one), republish(self, one))[1])
    path = tmp_path / "undelivered"
    for encoded in undelivered:
        append_encoded(path, encoded)
    command = ["emit", "--bootstrap-servers", "127.0.0.1:9", "--kafka-config", str(tmp_path / "p"), "--json"]
    (tmp_path / "p").write_text("test.mock.num.brokers=1\n")
    result = CliRunner().invoke(app, [*command, "--encoded", str(path)])
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout).items() >= {"published": 3, "rejected": 0}.items()
    assert published == undelivered


def test_what_is_damaged_among_them_is_kept(tmp_path: Path, undelivered: list[bytes]) -> None:
    path, rejects = tmp_path / "undelivered", tmp_path / "rejects.jsonl"
    append_encoded(path, undelivered[0])
    whole = path.read_bytes()
    path.write_bytes(whole + whole[:-5])  # a write that was cut off
    append_encoded(path, undelivered[1])
    result = emit(tmp_path, b"", "--encoded", str(path), "--json", "--rejects", str(rejects))
    assert result.exit_code == 3
    assert json.loads(result.stdout).items() >= {"published": 2, "rejected": 1}.items()
    (kept,) = map(json.loads, rejects.read_text().splitlines())
    assert (kept["position"], b64decode(kept["encoded"])) == (len(whole), whole[:-5])


@pytest.mark.parametrize("content", [b"", b"\0" * 100_000, b"no events"])
def test_a_file_without_events(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "undelivered"
    path.write_bytes(content)
    result = emit(tmp_path, b"", "--encoded", str(path), "--json")
    assert json.loads(result.stdout).items() >= {"published": 0, "rejected": bool(content)}.items()
    assert result.exit_code == (3 if content else 0)


def test_one_thing_is_read(tmp_path: Path) -> None:
    path = tmp_path / "undelivered"
    path.write_bytes(b"")
    assert "only one can be read" in emit(tmp_path, b"", str(path), "--encoded", str(path)).stderr
    os.mkfifo(tmp_path / "fifo")
    assert "isn't a regular file" in emit(tmp_path, b"", "--encoded", str(tmp_path / "fifo")).stderr


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
        (("--topic", ""), "topic: '' isn't a topic's name"),
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
        (b'{"action": "\xed\xa0\x80"}', "isn't UTF-8: byte 12"),
        ('{"action": "a"}'.encode("utf-16"), "isn't UTF-8"),
        (b'{"action": ' + b"7" * 5_000 + b"}", "a number has 5000 digits"),
        (b'{"action": ' + b"7" * 999 + b"}", "actor is missing"),
        (b'{"action": 1e999}', "actor is missing"),
        (b'{"action": NaN}', "NaN is not a JSON number"),
        (b'{"action": -Infinity}', "-Infinity is not a JSON number"),
        (b"\0\0{}", "isn't JSON"),
    ],
)
def test_a_line_that_is_no_event_says_why(text: bytes, problem: str) -> None:
    with pytest.raises(EventError) as refusal:
        parse_line(text)
    assert problem in str(refusal.value)
