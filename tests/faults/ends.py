"""F29: a service's process ends in every way. What docs/how-to/publish.md promises for each is sealed."""

from collections import defaultdict

from auditseal_schemas.errors import DecodeError
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import decode_event
from tests.factory.process_ends import ENDS, SPOOLED_ENDS, Promise, check_end, run_ends
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.oracle import digest_of
from tests.faults.rig import Pipeline

_EVERY = (*SPOOLED_ENDS, *ENDS)
_DRAIN = 90.0  # s
_LOAD = 100  # events a second


@fault("F29", "a service's process ends in each way, with a spool and without", len(_EVERY))
def ended_processes(trial: Trial) -> Outcome:
    line, ends = trial.pipeline(partitions=1), _EVERY[: trial.rounds]
    with line.sealer(static=True), line.archiver(static=True):
        with line.load(_LOAD):
            line.await_flow()
            all_ended = run_ends(ends, line.rig.kafka.bootstrap_servers, line.events)
        line.await_ends(line.log_ends(), _DRAIN)
    sealed = sealed_by_service(line)
    for ended in all_ended:
        try:
            check_end(ended, [event for event, _ in sealed[ended.end.name]])
        except AssertionError as error:
            raise AssertionError(f"{ended.end.name}: {error}") from error
    ours = [sealed[end.name] for end in ends]
    promised = sum(end.events for end in ends if end.promise in {Promise.ALL, Promise.KEPT})
    note = f"{promised:,} events were promised, {sum(map(len, ours)):,} are sealed"
    return trial.judge(line, note, injected=len(ends), strangers=[digest for each in ours for _, digest in each])


def sealed_by_service(line: Pipeline) -> dict[str, list[tuple[AuditEvent, str]]]:
    """Return the sealed events of each service in their order, with the digests of their encoded values."""
    found: dict[str, list[tuple[AuditEvent, str]]] = defaultdict(list)
    for block in line.stored_blocks():
        for record in block.records():
            try:
                event = decode_event(record.value or b"")
            except DecodeError as error:
                raise AssertionError(f"offset {record.offset} does not hold an event: {error}") from error
            found[event.source.service].append((event, digest_of(record.value)))
    return found
