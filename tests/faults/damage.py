"""F26: one batch of the events topic that can't be read, because its bytes changed on the broker's disk."""

import struct
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import TopicPartition

from auditseal_schemas.halt import Halt
from auditseal_schemas.header import CAUSE_BELOW_START, CAUSE_UNREADABLE
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.raw_produce import GZIP, encode_record, make_batch, produce_batch, seal_batch
from tests.faults.rig import Pipeline

_DRAIN = 90.0  # s
_HALT = 300.0  # s: three attempts, of 20, 40 and 80 s where the broker sends nothing
_LOAD = 300  # events a second
_MAGIC_AT, _CRC_AT, _COVERED_AT = 16, 17, 21  # bytes of a batch
_UNREADABLE = "records can't be read and are skipped"

Damage = Callable[[bytes], bytes]


def wrong_crc(batch: bytes) -> bytes:
    """Change a byte that the CRC covers."""
    return batch[:-1] + bytes([batch[-1] ^ 1])


def wrong_magic(batch: bytes) -> bytes:
    return batch[:_MAGIC_AT] + b"\x09" + batch[_MAGIC_AT + 1 :]


def failing_codec(batch: bytes) -> bytes:
    """Say that the records are compressed, which they aren't, with the CRC that belongs to that."""
    return seal_batch(struct.pack(">h", GZIP) + batch[_COVERED_AT + 2 :], base=struct.unpack_from(">q", batch)[0])


@fault("F26", "a batch that can't be read: wrong CRC, a codec that fails, wrong magic", 3)
def unreadable_batch(trial: Trial) -> Outcome:
    kinds: list[Damage] = [wrong_crc, failing_codec, wrong_magic]
    outcomes = [_harm(trial, kinds[number % len(kinds)]) for number in range(trial.rounds)]
    return Outcome(
        injected=trial.rounds,
        acknowledged=sum(outcome.acknowledged for outcome in outcomes),
        sealed=sum(outcome.sealed for outcome in outcomes),
        note="; ".join(outcome.note for outcome in outcomes),
    )


def _harm(trial: Trial, damage: Damage) -> Outcome:
    """Damage one batch ahead of the sealer; it must become a marked gap, or a halt whose runbook helps."""
    line = trial.pipeline(partitions=1)
    with line.archiver(static=True):
        with line.sealer(static=True):
            with line.load(_LOAD):
                line.await_flow()
            line.await_archived(_DRAIN)
        offset = produce_batch(
            line.rig.kafka.ports["client"], line.events, 0, make_batch(encode_record(0, b"harmed"), 1)
        )
        with line.load(_LOAD):
            line.await_acknowledged()
        trial.inject()
        change_batch(line, offset, damage)
        sealer = line.sealer(static=True)
        sealer.start()
        if damage is failing_codec:
            line.await_archived(_DRAIN)
            assert sealer.told(_UNREADABLE), "the sealer didn't report the gap"
            seen, cause = "a gap of cause 2", CAUSE_UNREADABLE
        else:
            code = sealer.await_end(_HALT)
            assert code == Halt.UNREADABLE_RECORDS.exit_code, f"{damage.__name__}: the sealer halted with {code}"
            assert f'"runbook": "{Halt.UNREADABLE_RECORDS.runbook}"' in sealer.log.read_text()
            line.await_offset(offset - 1, _DRAIN)
            where = TopicPartition(line.events, 0, offset + 1)
            trial.rig.admin.delete_records([where])[TopicPartition(line.events, 0)].result(20)
            sealer.start()
            line.await_archived(_DRAIN)
            seen, cause = "a halt with its runbook, which helped", CAUSE_BELOW_START
        sealer.stop()
    gaps = [gap for block in line.stored_blocks() for gap in block.header.gaps]
    found = [(gap.first, gap.last, gap.cause) for gap in gaps if gap.cause == cause]
    assert found == [(offset, offset, cause)], f"{damage.__name__}: the gaps are {gaps}, not {offset} alone"
    return trial.judge(line, f"{damage.__name__}: {seen}")


def change_batch(line: Pipeline, offset: int, damage: Damage) -> None:
    """Change the batch at an offset in the broker's segment while the broker is down, and keep its length."""
    kafka = line.rig.broker
    kafka.stop()  # in order, so that its next start doesn't look at the bytes
    (segment,) = (kafka.directory / "data" / f"{line.events}-0").glob("*.log")
    _replace(segment, offset, damage)
    kafka.start()


def _replace(segment: Path, offset: int, damage: Damage) -> None:
    data, at = segment.read_bytes(), 0
    while at < len(data):
        base, length = struct.unpack_from(">qi", data, at)
        if base == offset:
            batch = data[at : at + 12 + length]
            # the leader's epoch is outside of what the CRC covers
            changed = damage(batch)
            assert len(changed) == len(batch)
            segment.write_bytes(data[:at] + changed[:12] + batch[12:16] + changed[16:] + data[at + 12 + length :])
            return
        at += 12 + length
    raise AssertionError(f"{segment} has no batch at {offset}")
