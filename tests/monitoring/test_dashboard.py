"""The dashboard: what its program makes, of metrics that are served. tests/slices asks a real Prometheus."""

import re
import subprocess
import sys
from pathlib import Path

from tests.monitoring.panels import DASHBOARD, MONITORING, panel_queries

METRICS = (Path(__file__).parents[2] / "docs" / "reference" / "metrics.md").read_text("utf-8")


def test_the_dashboard_is_what_its_program_makes() -> None:
    made = subprocess.run([sys.executable, MONITORING / "dashboard.py"], capture_output=True, text=True, check=True)
    assert made.stdout == DASHBOARD.read_text("utf-8"), "run make dashboard"


def test_every_metric_of_a_panel_is_served() -> None:
    known = set(re.findall(r"^\| `(auditseal_\w+)` \|", METRICS, re.MULTILINE))
    used = set(re.findall(r"(?<![\w:])auditseal_[a-z0-9_]+", " ".join(panel_queries().values())))
    assert len(used) > 25
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in used} <= known
