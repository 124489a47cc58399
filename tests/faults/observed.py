"""What a daemon shows over HTTP: readiness and metrics."""

import json
from urllib.error import HTTPError
from urllib.request import urlopen

from tests.faults.daemon import Daemon


def readiness(daemon: Daemon) -> dict[str, str]:
    """Return the conditions that `/readyz` says don't hold, with their reasons."""
    try:
        with urlopen(f"{telemetry(daemon)}/readyz", timeout=30) as answer:
            body = answer.read()
    except HTTPError as error:
        with error:
            body = error.read()
    missing: dict[str, str] = json.loads(body)["missing"]
    return missing


def metrics(daemon: Daemon) -> str:
    with urlopen(f"{telemetry(daemon)}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


def telemetry(daemon: Daemon) -> str:
    """Return the URL that a daemon serves its state at."""
    return str(daemon.told("started")[-1].line["telemetry"])
