"""Where `auditseal import` reports what it doesn't publish. `tests/slices/test_import.py` has a real Kafka."""

import logging
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from auditseal.cli import app
from auditseal_schemas.exit_codes import ExitCode

PROPERTIES = "test.mock.num.brokers=1\n"


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL + 1, logger="auditseal_producer")


def run(folder: Path, *options: str) -> Result:
    log, properties = folder / "fw.log", folder / "kafka.properties"
    log.write_text("not RFC 5424\n")
    properties.write_text(PROPERTIES)
    words = ["import", "syslog", str(log), "--bootstrap-servers", "127.0.0.1:9", "--environment", "test"]
    words += ["--service", "fw", "--state", str(folder / "state"), "--kafka-config", str(properties)]
    return CliRunner().invoke(app, [*words, *options], env={"COLUMNS": "200"})


@pytest.mark.parametrize("name", ["fw.log", "kafka.properties"])
def test_no_file_that_is_read_is_written(tmp_path: Path, name: str) -> None:
    result = run(tmp_path, "--rejects", str(tmp_path / name))
    assert (result.exit_code, "is the file that is read" in result.stderr) == (ExitCode.UNUSABLE, True), result.stderr
    assert (tmp_path / "kafka.properties").read_text() == PROPERTIES


def test_rejects_that_can_not_be_written_are_reported_under_the_commands_own_name(tmp_path: Path) -> None:
    result = run(tmp_path, "--rejects", "/dev/full")
    assert (result.exit_code, "auditseal emit" in result.stderr) == (ExitCode.FAILED, False), result.stderr
    assert f"auditseal import: line 1: {tmp_path / 'fw.log'}: the line is not RFC 5424" in result.stderr
