"""docs/reference/metrics.md has what the daemons serve: each metric, its type and labels, each condition, no other."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

from auditseal.cli.sealer import SEALING
from auditseal.own_events import OwnEvents
from auditseal_archiver.metrics import ArchiverMetrics
from auditseal_archiver.readiness import CONDITIONS
from auditseal_daemon.telemetry import make_registry
from auditseal_gateway.metrics import GatewayMetrics
from auditseal_producer.testing import RecordedEvents
from auditseal_schemas.block_draft import CloseReason
from auditseal_sealer.metrics import SealerMetrics
from auditseal_sealer.signers.signer_metrics import SignerMetrics
from auditseal_search.follow import INDEX, IndexMetrics
from auditseal_search.stream_follower import STREAMS, StreamMetrics
from auditseal_watch.metrics import RESULTS, VerifyMetrics, WatchMetrics
from auditseal_watch.watcher import VERIFIED

DOCS = Path(__file__).parents[3] / "docs"
PAGE = (DOCS / "reference" / "metrics.md").read_text("utf-8")
ALERTS = "\n".join(page.read_text("utf-8") for page in sorted((DOCS / "alerts").glob("*.md")))
Described = dict[str, tuple[str, str]]


def told(title: str) -> Described:
    """Name to type and labels, of the table under a title."""
    section = PAGE[PAGE.index(f"### {title}\n") :]
    section = section[: section.find("\n#", 1)]
    rows = re.findall(r"^\| `(auditseal_\w+)` \| (\w+) \|([^|]*)\|", section, re.MULTILINE)
    return {name: (kind, labels.strip()) for name, kind, labels in rows}


def registered(registry: CollectorRegistry) -> Described:
    found = {}
    for collector in registry._collector_to_names:
        if isinstance(collector, MetricWrapperBase):
            name = collector._name + ("_total" if collector._type == "counter" else "")
            found[name] = (collector._type, ", ".join(collector._labelnames))
    return found


def _sealer_metrics(registry: CollectorRegistry) -> None:
    SealerMetrics(registry)
    SignerMetrics().register(registry)


@pytest.mark.parametrize(
    ("title", "metrics"),
    [
        ("The sealer", _sealer_metrics),
        ("The archiver", ArchiverMetrics),
        ("The gateway", GatewayMetrics),
        ("Verification", WatchMetrics),
        ("The index", IndexMetrics),
        ("Streams", StreamMetrics),
    ],
    ids=["sealer", "archiver", "gateway", "watch", "index", "streams"],
)
def test_every_metric_stands_in_the_page_and_no_other(
    title: str, metrics: Callable[[CollectorRegistry], object]
) -> None:
    registry = CollectorRegistry()
    metrics(registry)
    assert len(registered(registry)) >= 4
    assert told(title) == registered(registry)


def test_so_does_what_both_serve() -> None:
    assert told("Both") == registered(make_registry("auditseal.sealer", "1"))


def test_so_do_those_of_own_events() -> None:
    registry = CollectorRegistry()
    OwnEvents(RecordedEvents(), "auditseal-watch", registry)
    assert told("Own audit events") == registered(registry)


def test_what_only_a_watcher_serves_is_marked_and_its_results_are_named() -> None:
    registry = CollectorRegistry()
    VerifyMetrics(registry)
    marked = set(re.findall(r"^\| `(auditseal_verify_\w+)` \|.*\| watcher only: ", PAGE, re.MULTILINE))
    assert marked == told("Verification").keys() - registered(registry).keys()
    (runs,) = (line for line in PAGE.splitlines() if "`auditseal_verify_runs_total`" in line)
    assert [result for result in RESULTS if f"`{result}`" not in runs] == []


def test_what_alerts_ask_for_is_served() -> None:
    titles = (
        "Both",
        "The sealer",
        "The archiver",
        "The gateway",
        "Verification",
        "The index",
        "Streams",
        "Own audit events",
    )
    known = {name for title in titles for name in told(title)}
    named = {page: set(re.findall(r"auditseal_[a-z0-9_]+[a-z]", page)) for page in (PAGE, ALERTS)}
    assert named[PAGE] == known
    assert len(named[ALERTS]) > 5
    assert named[ALERTS] <= known


def test_every_condition_and_every_reason_of_a_close_stands_in_the_page() -> None:
    rows = re.findall(r"^\| (sealer|archiver|watch|index|streams) \| `(\w+)` \|", PAGE, re.MULTILINE)
    archiver = [("archiver", condition) for condition in CONDITIONS]
    assert rows == [("sealer", SEALING), *archiver, ("watch", VERIFIED), ("index", INDEX), ("streams", STREAMS)]
    (closes,) = (line for line in PAGE.splitlines() if "`auditseal_block_closes_total`" in line)
    assert [reason.value for reason in CloseReason if f"`{reason.value}`" not in closes] == []
