"""deploy/systemd and deploy/monitoring/prometheus.yml say what the pages say, and fit each other."""

import configparser
import re
from pathlib import Path

import pytest
import yaml

from auditseal.cli.command_table import COMMANDS
from auditseal_schemas.halt import Halt

ROOT = Path(__file__).parents[3]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
PROMETHEUS = yaml.safe_load((ROOT / "deploy" / "monitoring" / "prometheus.yml").read_text("utf-8"))


_INDEX = ["--trust", "/etc/auditseal/trust.txt", "--index", "/var/lib/auditseal/index", "--port", "9464"]
OPTIONS = {"index": ["follow", *_INDEX]}
"""Of the daemon that has options in the place of a configuration."""


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
        "auditseal-gateway",
        "auditseal-index",
        "auditseal-sealer",
        "auditseal-watch",
    ]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_runs_a_command_and_restarts_as_the_page_of_runbooks_says(path: Path) -> None:
    unit = service(path)
    program, command, *options = unit["ExecStart"].split()
    assert program == "/opt/auditseal/bin/auditseal"
    assert options == OPTIONS.get(command, ["--config", "/etc/auditseal/auditseal.toml"])
    assert command in {entry.name for entry in COMMANDS}
    assert path.stem == f"auditseal-{command}"
    page = (ROOT / "docs" / "runbooks" / "README.md").read_text("utf-8")
    told = re.search(r"restart a daemon after exit codes (\d+) and (\d+), and if a signal", page)
    assert told
    assert unit["RestartForceExitStatus"].split() == list(told.groups())
    assert int(told[2]) == Halt.TRANSACTION_STUCK.exit_code
    assert (unit["Restart"], unit["KillMode"]) == ("on-abnormal", "mixed")
    assert int(unit["TimeoutStopSec"]) > 10  # a daemon ends within 10 s


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_gives_no_rights(path: Path) -> None:
    unit = service(path)
    assert unit["User"] == "auditseal"
    assert unit["CapabilityBoundingSet"] == ""
    assert unit["ProtectSystem"] == "strict"
    wanted = ("NoNewPrivileges", "PrivateDevices", "PrivateTmp", "ProtectHome", "RestrictNamespaces", "LockPersonality")
    assert {name: unit[name] for name in wanted} == dict.fromkeys(wanted, "yes")


def test_prometheus_scrapes_each_unit_under_the_name_that_the_rules_expect() -> None:
    targets = {job["job_name"]: job["static_configs"][0]["targets"] for job in PROMETHEUS["scrape_configs"]}
    assert {path.stem: [f"127.0.0.1:{port_of(path)}"] for path in UNITS}.items() <= targets.items()
    assert targets.keys() - {path.stem for path in UNITS} == {"auditseal-streams"}
    assert PROMETHEUS["rule_files"] == ["auditseal.rules.yml"]
    assert len({port for ports in targets.values() for port in ports}) == len(targets)
