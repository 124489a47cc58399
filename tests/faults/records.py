"""F16, F17 and F21: records that no one should have written, events of the largest size, records that are gone."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from confluent_kafka import Producer, TopicPartition
from uuid_utils import uuid7

from auditseal_producer import Actor, AuditProducer, EventError, ProducerConfig, Resource
from auditseal_producer import Outcome as EventOutcome
from auditseal_schemas.event import AuditEvent, EventFields
from auditseal_schemas.event_codec import MAX_EVENT_BYTES, encode_event
from auditseal_schemas.event_parts import Source, Stream
from auditseal_schemas.header import CAUSE_BELOW_START
from auditseal_schemas.record import SealedRecord
from tests.faults.daemon import run_command
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.ledger import format_receipt
from tests.faults.oracle import digest_of
from tests.faults.raw_produce import produce_raw
from tests.faults.rig import Pipeline

_DRAIN = 60.0  # s
_ZEROS = 60 * 1024 * 1024  # bytes
_LOAD = 300  # events a second
_KINDS = 6  # of poison

Check = Callable[[SealedRecord], bool]


@fault("F16", "1 % poison: undecodable values, odd header names, 60 MB of zeros compressed", 60)
def poison(trial: Trial) -> Outcome:
    line, expected = trial.pipeline(partitions=1), dict[int, tuple[str, Check]]()
    with line.sealer(static=True), line.archiver(static=True):
        with line.load(_LOAD):
            line.await_flow()
            for number in range(trial.rounds):
                trial.inject()
                offset, what, check = _poison(line, number)
                expected[offset] = (what, check)
                time.sleep(100 / _LOAD)
        line.await_archived(_DRAIN)
        line.await_offset(max(expected), _DRAIN)
    sealed = {record.offset: record for block in line.stored_blocks() for record in block.records()}
    for offset, (what, check) in expected.items():
        assert offset in sealed, f"{what} at offset {offset} was dropped"
        assert check(sealed[offset]), f"{what} at offset {offset} is not sealed as docs/reference/format.md says"
    shown = [show(line, offset) for offset in list(expected)[:_KINDS]]
    for offset, told in zip(expected, shown, strict=False):
        record = sealed[offset]
        assert told["event"] is None, f"`auditseal show` calls the poison at offset {offset} an event"
        assert (told["headers"] is None) == (record.headers is None), f"it doesn't tell of the headers at {offset}"
        assert bool(told["oversize"]) == bool(record.oversize), f"it doesn't tell of the length at {offset}"
    note = (
        f"{sum(one.headers is None and not one.oversize for one in map(sealed.__getitem__, expected))} with unreadable "
        f"headers, {sum(bool(sealed[offset].oversize) for offset in expected)} oversize, as `auditseal show` reports"
    )
    return trial.judge(line, note, strangers=[digest_of(sealed[offset].value) for offset in expected])


def show(line: Pipeline, offset: int) -> dict[str, Any]:
    """Return what `auditseal show --json` prints about a record of a pipeline with one partition."""
    words = ["--json", *line.vault_options(), "--offset", str(offset), str(line.origins[0])]
    shown = run_command(line.rig.minio.client_environment(), "show", *words)
    record: dict[str, Any] = json.loads(shown)["record"]
    return record


def _poison(line: Pipeline, number: int) -> tuple[int, str, Check]:
    """Append one record; return its offset, what it is, and what its sealed form must be like."""
    port = line.rig.kafka.ports["client"]
    value = b"poison %d" % number
    match number % _KINDS:
        case 0:
            return _produce(line, value), "an undecodable value", lambda record: record.value == value
        case 1:
            offset = produce_raw(port, line.events, 0, value, [(b"\xff\xfe", b"1")])
            return (
                offset,
                "a header name that is not UTF-8",
                lambda record: (record.headers, record.value) == (None, value),
            )
        case 2:
            offset = produce_raw(port, line.events, 0, value, [(b"cut\0here", b"1")])
            return offset, "a header name with a NUL", lambda record: record.headers == (("cut", b"1"),)
        case 3:
            return _produce(line, None), "a null value", lambda record: record.value is None and not record.oversize
        case 4:
            offset = _produce(line, bytes(_ZEROS)) if number == 4 else _produce(line, value + bytes(2_000_000))
            return offset, "zeros, compressed", lambda record: bool(record.oversize) == (number == 4)
        case _:
            return _produce(line, b""), "an empty value", lambda record: record.value == b""


def _produce(line: Pipeline, value: bytes | None) -> int:
    offsets = list[int | None]()
    producer = Producer(
        {
            "bootstrap.servers": line.rig.kafka.bootstrap_servers,
            "message.max.bytes": 2 * _ZEROS,
            "compression.type": "gzip",
        }
    )
    producer.produce(
        line.events, value, partition=0, on_delivery=lambda error, message: offsets.append(message.offset())
    )
    assert producer.flush(30) == 0
    (offset,) = offsets
    assert offset is not None
    return offset


@fault("F17", "events at the size limit - 1, at it, and 1 above", 10)
def largest_events(trial: Trial) -> Outcome:
    line, refused = trial.pipeline(partitions=1), 0
    ledger = line.folder / "ledger-large.txt"
    with line.sealer(static=True), line.archiver(static=True):
        config = ProducerConfig(
            bootstrap_servers=line.rig.kafka.bootstrap_servers,
            topic=line.events,
            service="large",
            environment="faults",
            kafka={"compression.type": "none"},
        )
        with line.load(_LOAD), AuditProducer(config) as producer, ledger.open("w") as lines:
            line.await_flow()
            for _ in range(trial.rounds):
                trial.inject()
                for excess in (-1, 0):
                    fields = event_of(config.source, MAX_EVENT_BYTES + excess)
                    lines.write(format_receipt(producer.record(**fields).result(30)))
                try:
                    producer.record(**event_of(config.source, MAX_EVENT_BYTES + 1))
                except EventError:
                    refused += 1
        line.ledgers.append(ledger)
        line.await_archived(_DRAIN)
    assert refused == trial.rounds, f"{trial.rounds - refused} events above the limit were not refused"
    return trial.judge(line, f"{2 * trial.rounds} accepted, {refused} refused at once")


def event_of(source: Source, size: int) -> EventFields:
    """Return an event that takes exactly that number of bytes as one of the first 60 of a stream."""

    def fields(padding: int) -> EventFields:
        return EventFields(
            event_id=str(uuid7()),
            occurred_at=datetime.now(UTC),
            actor=Actor("service", "large"),
            action="record.export",
            resources=[Resource("file", "f")],
            outcome=EventOutcome.SUCCESS,
            attributes={"a": "x" * 250_000, "b": "x" * 250_000, "c": "x" * 250_000, "d": "x" * padding},
        )

    trial = AuditEvent(source=source, stream=Stream(str(uuid7()), 0), **fields(200_000))
    return fields(200_000 + size - len(encode_event(trial)))


@fault("F21", "DeleteRecords ahead of the sealer", 5)
def delete_records(trial: Trial) -> Outcome:
    line, gone = trial.pipeline(partitions=1), list[range]()
    where = TopicPartition(line.events, 0)
    with line.archiver(static=True):
        with line.load(_LOAD):
            for _ in range(trial.rounds):
                with line.sealer(static=True):
                    line.await_flow()
                sealed = line.archived_end()
                time.sleep(2)
                end = line.ledger().ends()[0] - 100
                trial.inject()
                line.rig.admin.delete_records([TopicPartition(line.events, 0, end)])[where].result(10)
                gone.append(range(sealed + 1, end))
            sealer = line.sealer(static=True)
            sealer.start()
            line.await_flow()
        line.await_archived(_DRAIN)
        sealer.stop()
    gaps = [
        range(gap.first, gap.last + 1)
        for block in line.stored_blocks()
        for gap in block.header.gaps
        if gap.cause == CAUSE_BELOW_START
    ]
    lost = {offset for span in gone for offset in span}
    signed = {offset for span in gaps for offset in span}
    assert signed == lost, f"{len(lost)} offsets were deleted before they were sealed, {len(signed)} are in signed gaps"
    told = sealer.log.read_text().count("offsets are gone")
    assert told, "the sealer didn't report the gap"
    line.forget(signed)
    return trial.judge(
        line, f"{len(signed)} deleted offsets, all of them in signed gaps of cause 1, reported {told} times"
    )
