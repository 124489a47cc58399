"""The Grafana dashboard, made of typed values: prints its JSON, which `make dashboard` writes to a file.

Each panel is one row of a table below. tests/slices runs each query on a real Prometheus that scrapes real daemons.
"""

import sys
from dataclasses import dataclass

from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef

_SOURCE = DataSourceRef(type_val="prometheus", uid="${datasource}")
_RATE = "$__rate_interval"
_COLUMNS, _HEIGHT = 24, 7


@dataclass(frozen=True, slots=True)
class Query:
    """One query of a panel: PromQL, and the legend of its series."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Attributes:
        title: Its title.
        unit: Grafana's name of the unit.
        queries: Its queries.
        is_stat: Show the last value as a number, not a graph.
    """

    title: str
    unit: str
    queries: tuple[Query, ...]
    is_stat: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A row of panels of one width."""

    title: str
    panels: tuple[Panel, ...]


def _quantiles(metric: str, labels: str = "job") -> tuple[Query, ...]:
    """Return the median and the 99th percentile of a histogram."""
    rate = f"sum by (le, {labels}) (rate({metric}_bucket[{_RATE}]))"
    return tuple(Query(f"histogram_quantile({q}, {rate})", f"p{q * 100:.0f}") for q in (0.5, 0.99))


def _stat(title: str, unit: str, expression: str, legend: str = "") -> Panel:
    return Panel(title, unit, (Query(expression, legend),), is_stat=True)


def _graph(title: str, unit: str, *queries: Query) -> Panel:
    return Panel(title, unit, queries)


_LOG = "{{topic}}/{{partition}}"
ROWS = (
    Row(
        "Objectives",
        (
            _stat("Alerts firing", "none", 'count(ALERTS{alertname=~"Auditseal.*",alertstate="firing"}) or vector(0)'),
            _stat("Findings", "none", "sum(auditseal_verify_findings)"),
            _stat(
                "Oldest last clean verification",
                "s",
                "max(time() - max by (origin) (auditseal_verify_last_success_timestamp_seconds))",
            ),
            _stat("Blocks sealed late, 1 h", "percentunit", "job:auditseal_event_to_sealed_slow:ratio_rate1h"),
            _stat("Blocks archived late, 1 h", "percentunit", "job:auditseal_event_to_archived_slow:ratio_rate1h"),
            _stat("First lock ends in", "s", "min(auditseal_object_lock_retention_remaining_seconds)"),
            _stat("First signing key expires in", "s", "min(auditseal_signing_key_expiry_timestamp_seconds) - time()"),
        ),
    ),
    Row(
        "Sealing",
        (
            _graph(
                "Events",
                "ops",
                Query(f"sum(rate(auditseal_events_consumed_total[{_RATE}]))", "read"),
                Query(f"sum(rate(auditseal_events_sealed_total[{_RATE}]))", "sealed"),
            ),
            _graph("From event to sealed block", "s", *_quantiles("auditseal_event_to_sealed_seconds")),
            _graph("From close to commit", "s", *_quantiles("auditseal_seal_duration_seconds")),
            _graph("Oldest unsealed event", "s", Query("auditseal_oldest_unsealed_event_age_seconds", _LOG)),
            _graph("Lag", "none", Query("auditseal_consumer_lag_records", _LOG)),
            _graph(
                "Closes by reason",
                "ops",
                Query(f"sum by (reason) (rate(auditseal_block_closes_total[{_RATE}]))", "{{reason}}"),
            ),
            _graph("Events in a block", "none", *_quantiles("auditseal_block_events")),
            _graph("Size of a block", "bytes", *_quantiles("auditseal_block_bytes")),
            _graph(
                "Signers",
                "ops",
                Query(
                    f"sum by (signer, result) (rate(auditseal_signer_requests_total[{_RATE}])) or vector(0)",
                    "{{signer}} {{result}}",
                ),
            ),
            _graph(
                "Gaps, unreadable offsets, recoveries",
                "none",
                Query("sum(increase(auditseal_chain_gaps_total[1h]))", "gaps in 1 h"),
                Query("sum(increase(auditseal_unreadable_offsets_total[1h]))", "unreadable offsets in 1 h"),
                Query("sum(increase(auditseal_head_recoveries_total[1h]))", "recoveries in 1 h"),
            ),
        ),
    ),
    Row(
        "Archiving",
        (
            _graph(
                "Blocks",
                "ops",
                Query(f"sum(rate(auditseal_blocks_sealed_total[{_RATE}]))", "sealed"),
                Query(f"sum(rate(auditseal_blocks_archived_total[{_RATE}]))", "archived"),
            ),
            _graph("From event to lock", "s", *_quantiles("auditseal_event_to_archived_seconds")),
            _graph("Writes to the store", "s", *_quantiles("auditseal_s3_put_seconds")),
            _graph(
                "Oldest block that is not archived", "s", Query("auditseal_oldest_unarchived_block_age_seconds", _LOG)
            ),
            _graph(
                "Failed writes",
                "ops",
                Query(
                    f"sum by (reason) (rate(auditseal_archive_put_failures_total[{_RATE}])) or vector(0)", "{{reason}}"
                ),
            ),
            _graph(
                "Blocks found without their lock",
                "none",
                Query("sum(increase(auditseal_blocks_found_unlocked_total[1h]))", "in 1 h"),
            ),
            _graph(
                "Store",
                "none",
                Query("auditseal_store_available", "answers"),
                Query("auditseal_worm_drill_success", "drill passed"),
            ),
            _graph("Chain height", "none", Query("auditseal_chain_height", "{{job}} " + _LOG)),
            _graph("State of the logs", "none", Query("auditseal_log_state == 1", "{{job}} " + _LOG + " {{state}}")),
            _graph(
                "Until the first lock ends",
                "s",
                Query("auditseal_object_lock_retention_remaining_seconds", _LOG),
            ),
        ),
    ),
    Row(
        "Verification",
        (
            _graph("Lag", "s", Query("auditseal_verify_lag_seconds", "{{origin}}")),
            _graph("Verified blocks", "none", Query("auditseal_verify_head_blocks", "{{origin}}")),
            _graph("Held blocks", "none", Query("auditseal_verify_held_blocks", "{{origin}}")),
            _graph("Exit code of the last check", "none", Query("auditseal_verify_exit_code", "{{instance}}")),
            _graph(
                "Checks by result",
                "ops",
                Query(f"sum by (result) (rate(auditseal_verify_runs_total[{_RATE}]))", "{{result}}"),
            ),
            _graph("Duration of a check", "s", *_quantiles("auditseal_verify_duration_seconds")),
            _graph(
                "Since the last whole pass",
                "s",
                Query("time() - auditseal_verify_last_scrub_timestamp_seconds", "{{origin}}"),
                Query("auditseal_verify_scrub_period_seconds", "period"),
            ),
        ),
    ),
    Row(
        "Index",
        (
            _graph("Indexed blocks", "none", Query("auditseal_index_blocks", "{{origin}}")),
            _graph(
                "Since the index was complete",
                "s",
                Query("time() - auditseal_index_last_success_timestamp_seconds", "{{origin}}"),
            ),
        ),
    ),
    Row(
        "Streams",
        (
            _graph("Streams by state", "none", Query("auditseal_streams", "{{state}}")),
            _graph("Silent services", "none", Query("auditseal_streams_service_silent", "{{service}}")),
            _graph(
                "Since a service's latest event",
                "s",
                Query("time() - auditseal_streams_service_last_event_timestamp_seconds", "{{service}}"),
            ),
            _graph(
                "Since the streams were looked at",
                "s",
                Query("time() - auditseal_streams_last_success_timestamp_seconds", "{{instance}}"),
            ),
        ),
    ),
    Row(
        "Processes",
        (
            _graph("Up", "none", Query('up{job=~"auditseal-.*"}', "{{job}} {{instance}}")),
            _graph("Memory", "bytes", Query('process_resident_memory_bytes{job=~"auditseal-.*"}', "{{job}}")),
            _graph(
                "CPU",
                "percentunit",
                Query(f'rate(process_cpu_seconds_total{{job=~"auditseal-.*"}}[{_RATE}])', "{{job}}"),
            ),
            _graph("Open descriptors", "none", Query('process_open_fds{job=~"auditseal-.*"}', "{{job}}")),
            _graph(
                "Audit events of the daemons",
                "ops",
                Query(
                    f"sum by (job, result) (rate(auditseal_own_events_total[{_RATE}])) or vector(0)",
                    "{{job}} {{result}}",
                ),
            ),
        ),
    ),
)


def build() -> dashboard.Dashboard:
    """Return the dashboard."""
    made = (
        dashboard.Dashboard("auditseal")
        .uid("auditseal")
        .tags(["auditseal"])
        .refresh("30s")
        .time("now-6h", "now")
        .with_variable(dashboard.DatasourceVariable("datasource").type("prometheus").label("Prometheus"))
    )
    for row in ROWS:
        made = made.with_row(dashboard.Row(row.title))
        for panel in row.panels:
            made = made.with_panel(_panel(panel, _COLUMNS // min(len(row.panels), 6 if panel.is_stat else 3)))
    return made


def _panel(panel: Panel, width: int) -> stat.Panel | timeseries.Panel:
    kind: stat.Panel | timeseries.Panel
    if panel.is_stat:
        kind = stat.Panel().reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    else:
        legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
        kind = timeseries.Panel().legend(legend.show_legend(True)).min(0)  # noqa: FBT003  (the SDK has no name for it)
    kind = kind.title(panel.title).unit(panel.unit).datasource(_SOURCE).height(_HEIGHT).span(width)
    for letter, query in zip("ABCDEF", panel.queries, strict=False):
        target = prometheus.Dataquery().expr(query.expression).legend_format(query.legend or "__auto").ref_id(letter)
        kind = kind.with_target(target.datasource(_SOURCE))
    return kind


if __name__ == "__main__":
    sys.stdout.write(JSONEncoder(sort_keys=True, indent=2).encode(build().build()) + "\n")
