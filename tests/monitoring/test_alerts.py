"""Each alert fires in its fault, none in normal running and at zero traffic, and each has its metrics and its page."""

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.factory.prometheus import promtool
from tests.monitoring.cases import FAULTS, QUIET, Case
from tests.monitoring.rule_tests import run_cases

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy" / "monitoring" / "auditseal.rules.yml"
PAGES = ROOT / "docs" / "alerts"
METRICS = (ROOT / "docs" / "reference" / "metrics.md").read_text("utf-8")
SECTIONS = ["What happened", "What is at stake", "What to check", "What to do"]


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text("utf-8"))["groups"] for rule in group["rules"]]


ALERTS = {rule["alert"]: rule for rule in rules() if "alert" in rule}


def test_each_alert_fires_in_its_fault_and_no_other_one_does(tmp_path: Path) -> None:
    done = run_cases(tmp_path / "faults.json", RULES, *FAULTS)
    assert done.returncode == 0, done.stderr + done.stdout


def test_no_alert_fires_in_normal_running_and_at_zero_traffic(tmp_path: Path) -> None:
    done = run_cases(tmp_path / "quiet.json", RULES, *QUIET)
    assert done.returncode == 0, done.stderr + done.stdout


def test_such_a_test_can_fail(tmp_path: Path) -> None:
    fault = FAULTS[0]
    silent = Case("a fault", fault.minutes, fault.changed)
    done = run_cases(tmp_path / "wrong.json", RULES, silent)
    assert done.returncode == 1
    assert "AuditsealDown" in done.stderr + done.stdout


def test_every_alert_has_its_fault() -> None:
    assert {case.name for case in FAULTS} == ALERTS.keys()


def test_the_rules_are_ones_that_prometheus_takes() -> None:
    done = subprocess.run(
        [promtool(), "check", "rules", "--lint=all", "--lint-fatal", RULES], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout


def test_prometheus_takes_the_scrape_configuration() -> None:
    config = RULES.with_name("prometheus.yml")
    done = subprocess.run([promtool(), "check", "config", config], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr + done.stdout


def test_every_metric_that_a_rule_uses_is_served_and_every_record_is_used() -> None:
    known = set(re.findall(r"^\| `(auditseal_\w+)` \|", METRICS, re.MULTILINE))
    text = RULES.read_text("utf-8")
    recorded = [rule["record"] for rule in rules() if "record" in rule]
    expressions = " ".join(rule["expr"] for rule in rules())
    used = set(re.findall(r"(?<![\w:])auditseal_[a-z0-9_]+", expressions))
    assert len(used) > 15
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in used} <= known
    assert [name for name in recorded if text.count(name) < 2] == []


@pytest.mark.parametrize("name", ALERTS)
def test_every_alert_has_a_page_that_says_the_same(name: str) -> None:
    rule = ALERTS[name]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["annotations"].keys() == {"summary", "description", "runbook"}
    assert rule["annotations"]["runbook"] == f"docs/alerts/{name}.md"
    page = (PAGES / f"{name}.md").read_text("utf-8")
    assert page.startswith(f"# {name}\n\nSeverity: {rule['labels']['severity']}. {rule['annotations']['summary']}.\n")
    assert [line[3:] for line in page.splitlines() if line.startswith("## ")] == SECTIONS
    index = (PAGES / "README.md").read_text("utf-8")
    assert f"| [{name}]({name}.md) | {rule['labels']['severity']} | {rule['annotations']['summary']} |" in index


def test_there_is_no_page_without_an_alert() -> None:
    assert {page.stem for page in PAGES.glob("*.md")} - {"README"} == ALERTS.keys()
