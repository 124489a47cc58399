"""Cases put to a real promtool: exactly the alerts of each fire, by the rules of a file."""

import json
import subprocess
from pathlib import Path
from typing import Any

from tests.factory.prometheus import promtool
from tests.monitoring.cases import Case

_FIRING = 'count by (alertname) (ALERTS{alertstate="firing"})'


def run_cases(path: Path, rules: Path, *cases: Case) -> subprocess.CompletedProcess[str]:
    """Write cases to a path, and run promtool on them; its exit code is 1 where other alerts fire."""
    document = {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": [_unit_test(case) for case in cases]}
    path.write_text(json.dumps(document))  # JSON is YAML
    return subprocess.run([promtool(), "test", "rules", path], capture_output=True, text=True, check=False, timeout=240)


def _unit_test(case: Case) -> dict[str, Any]:
    """Return the case in promtool's form."""
    expected = [{"labels": f'{{alertname="{alert}"}}'} for alert in sorted(case.firing)]
    return {
        "name": case.name,
        "interval": "1m",
        "input_series": [{"series": name, "values": values} for name, values in case.series().items()],
        "promql_expr_test": [
            {
                "expr": f"{_FIRING} > bool 0",
                "eval_time": f"{case.minutes}m",
                "exp_samples": [sample | {"value": 1} for sample in expected],
            }
        ],
    }
