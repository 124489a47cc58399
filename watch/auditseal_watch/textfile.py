"""The metrics of one check as a file for the textfile collector of node_exporter."""

from pathlib import Path

from prometheus_client import CollectorRegistry, write_to_textfile
from prometheus_client.parser import text_string_to_metric_families

from auditseal_auditor.report import Report
from auditseal_watch.errors import TextfileError
from auditseal_watch.metrics import VerifyMetrics

_LASTING = "auditseal_verify_last_success_timestamp_seconds"


def write_textfile(path: Path, report: Report, began: float) -> None:
    """Replace the file by the metrics of a check, atomically.

    The time of a log's last success is kept from the file that was there, if this check did not find the log clean.

    Args:
        path: The file, which the textfile collector reads if its name ends in `.prom`.
        report: The result of the check.
        began: When the check began, in seconds since the epoch.

    Raises:
        TextfileError: The file can't be read or written, or is not in Prometheus' text format.
    """
    registry = CollectorRegistry()
    metrics = VerifyMetrics(registry)
    try:
        earlier = _last_successes(path)
        for origin in earlier.keys() & {str(log.origin) for log in report.logs}:
            metrics.last_success.labels(origin).set(earlier[origin])
        metrics.show(report, began)
        write_to_textfile(str(path), registry)
    except OSError as error:
        raise TextfileError(
            f"the textfile {path} can't be written: {error.strerror}. Check that its folder is there and may be written"
        ) from error


def _last_successes(path: Path) -> dict[str, float]:
    """Return the time of each log's last success, by its origin, as an earlier check has written it."""
    if not path.exists():
        return {}
    try:
        families = list(text_string_to_metric_families(path.read_text("utf-8")))
    except ValueError as error:
        raise TextfileError(
            f"the textfile {path} is not in Prometheus' text format: {error}. Remove it, or name another file"
        ) from error
    return {
        sample.labels["origin"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == _LASTING
    }
