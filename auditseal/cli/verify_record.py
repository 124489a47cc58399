"""`auditseal verify --record`: the result of each log of a run as an audit event, by our own producer."""

from collections.abc import Iterable

from auditseal_auditor.report import Report
from auditseal_glue.own_events import NotRecordedError, record_in_background
from auditseal_producer import AuditProducer, ProducerConfig
from auditseal_producer.errors import PublishError
from auditseal_watch.results import check_event, run_results

_SERVICE = "auditseal-verify"
_CLOSE_SECONDS = 10.0
"""How long the end of a run waits for the brokers."""


def recording_config() -> ProducerConfig:
    """Return how results are recorded, from the environment: before a run, which may last hours.

    Raises:
        ConfigurationError: A variable is unknown or unusable, or a setting is missing.
    """
    return ProducerConfig.from_env(service=_SERVICE)


def record_results(config: ProducerConfig, reports: Iterable[Report]) -> None:
    """Record the results of a run, and return when the brokers have them.

    Raises:
        ConfigurationError: The brokers can't be reached in this way.
        NotRecordedError: Some were not recorded.
    """
    problems = list[str]()

    def note(error: BaseException | None) -> None:
        if error:
            problems.append(str(error))

    producer = AuditProducer(config)
    for report in reports:
        for result in run_results(report):
            record_in_background(producer, note, **check_event(result, report.vault, _SERVICE))
    try:
        producer.close(_CLOSE_SECONDS)
    except PublishError as error:
        note(error)
    if problems:
        raise NotRecordedError(f"the results were not recorded as audit events: {problems[0]}")
