"""deploy/systemd and deploy/monitoring/prometheus.yml say what the pages say, and fit each other."""

import configparser
import re
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal_schemas.halt import Halt

ROOT = Path(__file__).parents[3]
SYSTEMD = ROOT / "deploy" / "systemd"
UNITS = sorted(SYSTEMD.glob("*.service"))
SHARED = SYSTEMD / "auditseal-.service.d" / "auditseal.conf"
"""What systemd adds to each unit whose name begins so."""
SWITCHES = (
    "LockPersonality",
    "NoNewPrivileges",
    "PrivateDevices",
    "PrivateTmp",
    "ProtectClock",
    "ProtectControlGroups",
    "ProtectHome",
    "ProtectHostname",
    "ProtectKernelLogs",
    "ProtectKernelModules",
    "ProtectKernelTunables",
    "RemoveIPC",
    "RestrictNamespaces",
    "RestrictRealtime",
    "RestrictSUIDSGID",
)
WITHOUT_METRICS = "auditseal-explorer"
PROMETHEUS = yaml.safe_load((ROOT / "deploy" / "monitoring" / "prometheus.yml").read_text("utf-8"))


def service(path: Path) -> configparser.SectionProxy:
    unit = configparser.ConfigParser(interpolation=None, strict=True)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    unit.read_string(path.read_text("utf-8"))
    return unit["Service"]


def port_of(path: Path) -> str:
    unit = service(path)
    by_option = re.search(r"--port (\d+)$", unit["ExecStart"])
    return by_option[1] if by_option else unit["Environment"].removeprefix("AUDITSEAL_METRICS__PORT=")


def test_each_daemon_has_a_unit() -> None:
    assert [path.stem for path in UNITS] == [
        "auditseal-archiver",
        "auditseal-explorer",
        "auditseal-gateway",
        "auditseal-index",
        "auditseal-sealer",
        "auditseal-streams",
        "auditseal-watch",
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_runs_a_command_that_has_these_options(path: Path) -> None:
    program, *words = service(path)["ExecStart"].split()
    assert program == "/opt/auditseal/bin/auditseal"
    name = words[0].replace("explore", "explorer")
    assert path.stem == f"auditseal-{name}"
    assert CliRunner().invoke(app, [*words, "--help"]).exit_code == 0
    misspelled = [word.replace("--", "--x-") for word in words]
    assert CliRunner().invoke(app, [*misspelled, "--help"]).exit_code == 2
    assert service(path).keys() <= {"ExecStart", "Environment"}, "what units share is in the drop-in"


def test_the_units_restart_as_the_page_of_runbooks_says() -> None:
    unit = service(SHARED)
    page = (ROOT / "docs" / "runbooks" / "README.md").read_text("utf-8")
    told = re.search(r"restart a daemon after exit codes (\d+) and (\d+), and if a signal", page)
    assert told
    assert unit["RestartForceExitStatus"].split() == list(told.groups())
    assert int(told[2]) == Halt.TRANSACTION_STUCK.exit_code
    assert (unit["Restart"], unit["KillMode"]) == ("on-abnormal", "mixed")
    assert int(unit["TimeoutStopSec"]) > 10  # a daemon ends within 10 s


def test_the_units_give_no_rights() -> None:
    unit = service(SHARED)
    assert unit["User"] == "auditseal"
    assert unit["CapabilityBoundingSet"] == ""
    assert unit["ProtectSystem"] == "strict"
    assert unit["ProtectProc"] == "invisible"
    assert (unit["SystemCallFilter"], unit["SystemCallErrorNumber"]) == ("@system-service", "EPERM")
    assert {name: unit.get(name) for name in SWITCHES} == dict.fromkeys(SWITCHES, "yes")


def test_prometheus_scrapes_each_unit_under_the_name_that_the_rules_expect() -> None:
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in PROMETHEUS["scrape_configs"]}
    assert targets == {path.stem: [f"127.0.0.1:{port_of(path)}"] for path in UNITS if path.stem != WITHOUT_METRICS}
    assert PROMETHEUS["rule_files"] == ["auditseal.rules.yml"]
    assert len({port for ports in targets.values() for port in ports}) == len(targets)
