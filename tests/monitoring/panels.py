"""The dashboard's queries, as Grafana sends them."""

import json
from pathlib import Path

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
DASHBOARD = MONITORING / "auditseal-dashboard.json"


def panel_queries() -> dict[str, str]:
    """Return the query of each panel, under the panel's title and the query's letter."""
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    return {
        f"{panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "30s")
        for panel in panels
        for target in panel.get("targets", ())
    }
