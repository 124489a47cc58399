"""F25: a hostile producer, and a sealer in a cgroup of the memory that `auditseal topics check` shows."""

import gzip
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from confluent_kafka import Producer

from auditseal_daemon.batch_size import sealer_memory
from auditseal_schemas.header import CAUSE_UNREADABLE
from auditseal_schemas.limits import MAX_CONTENT_BYTES, MIB
from auditseal_schemas.record import SealedRecord
from auditseal_schemas.varint import encode_long
from tests.faults.fault import Outcome, Trial, fault
from tests.faults.memory_limit import memory_limit
from tests.faults.oracle import digest_of
from tests.faults.raw_produce import GZIP, encode_record, make_batch, produce_batch
from tests.faults.rig import Pipeline

_HONEST = 60.0  # s within which honest records behind an attack are sealed
_DRAIN = 90.0  # s
_LOAD = 100  # events a second
_EMPTY = (b"", b"")
_CODECS = ("none", "gzip", "snappy", "lz4", "zstd")

Check = Callable[[SealedRecord], bool]


@dataclass(frozen=True)
class Attack:
    """What a producer sends: `send` appends it and returns its offsets."""

    name: str
    send: Callable[[Pipeline], list[int]]
    is_sealed: Check


def is_oversize(record: SealedRecord) -> bool:
    return record.oversize is not None and record.oversize.length > MAX_CONTENT_BYTES


def has_unread_headers(record: SealedRecord) -> bool:
    return record.headers is None and record.oversize is None and record.value == b"v"


def is_whole(record: SealedRecord) -> bool:
    return record.headers == () and record.value is not None and record.oversize is None


def attacks() -> Iterator[Attack]:
    """Yield attacks, the cheap ones first."""
    yield Attack("100,001 headers", lambda line: many_headers(line, 1, 100_001), has_unread_headers)
    yield Attack("zstd 150 MiB", lambda line: by_client(line, "zstd", 150 * MIB), is_oversize)
    for codec in _CODECS:
        size = 900_000 if codec == "none" else 6 * MIB
        yield Attack(codec, partial(by_client, codec=codec, size=size), is_whole)
    yield Attack("400 records of 95,000 headers", lambda line: many_headers(line, 400, 95_000), has_unread_headers)
    yield Attack("100 records of 900 KB", hundred_records, is_whole)
    yield Attack("gzip, a header of 600 MiB", lambda line: [bomb(line, _HEADER, 600)], is_oversize)
    yield Attack("gzip, a header's name of 600 MiB", lambda line: [bomb(line, _NAME, 600)], has_unread_headers)
    yield Attack("gzip, 3 batches of 900 MiB", lambda line: [bomb(line, _VALUE, 900) for _ in range(3)], is_oversize)
    yield Attack("5,000 records of 95,000 headers", lambda line: many_headers(line, 5_000, 95_000), has_unread_headers)


@fault("F25", "a hostile producer, and a sealer in a cgroup of its documented memory", 13)
def hostile_producer(trial: Trial) -> Outcome:
    line, sent = trial.pipeline(partitions=1), dict[int, Attack]()
    view = trial.rig.cluster().topic(line.events)
    assert view is not None
    slowest, bound = 0.0, sealer_memory(view.settings)
    with memory_limit(bound) as limit:
        sealer = line.sealer(static=True)
        sealer.join(limit.processes)
        with sealer, line.archiver(static=True):
            with line.load(_LOAD):
                line.await_flow()
                for _, attack in zip(range(trial.rounds), attacks(), strict=False):
                    trial.inject()
                    offsets = attack.send(line)
                    sent |= dict.fromkeys(offsets, attack)
                    slowest = max(slowest, time_to_seal(line, attack, offsets[-1] + 1))
            line.await_archived(_DRAIN)
        peak = limit.peak
    assert sealer.lives == 1, f"the sealer was killed {sealer.lives - 1} times in {bound // MIB} MiB"
    check_sealed(line, sent)
    strangers = [digest_of(record.value) for record in records_at(line, sent)]
    note = (
        f"honest records behind an attack sealed within {slowest:.0f} s; the sealer took {peak // MIB} of"
        f" {bound // MIB} MiB, with what the kernel caches"
    )
    return trial.judge(line, note, strangers=strangers)


def time_to_seal(line: Pipeline, attack: Attack, behind: int) -> float:
    """Wait until a record behind an attack is in the vault; return how long that took."""
    begun = time.monotonic()
    while line.archived_end() <= behind:
        waited = time.monotonic() - begun
        assert waited < _HONEST, f"{attack.name}: no record behind it was sealed within {_HONEST:g} s"
        time.sleep(0.2)
    return time.monotonic() - begun


def check_sealed(line: Pipeline, sent: dict[int, Attack]) -> None:
    """Check that each record of an attack is sealed as docs/reference/format.md says."""
    skipped = [gap for block in line.stored_blocks() for gap in block.header.gaps if gap.cause == CAUSE_UNREADABLE]
    assert not skipped, f"records that can be read are in gaps: {skipped}"
    sealed = {record.offset for record in records_at(line, sent)}
    assert sealed == set(sent), f"{len(sent)} records were sent, and {len(sealed)} are sealed"
    for record in records_at(line, sent):
        attack = sent[record.offset]
        assert attack.is_sealed(record), f"{attack.name}: the record at {record.offset} is not sealed as it should be"


def records_at(line: Pipeline, offsets: dict[int, Attack]) -> Iterator[SealedRecord]:
    return (record for block in line.stored_blocks() for record in block.records() if record.offset in offsets)


def by_client(line: Pipeline, codec: str, size: int) -> list[int]:
    """Append one record of zeros, by an ordinary client."""
    offsets = list[int | None]()
    settings = {"bootstrap.servers": line.rig.kafka.bootstrap_servers, "compression.type": codec}
    producer = Producer({**settings, "message.max.bytes": size + 1000})
    producer.produce(
        line.events,
        bytes(size) + codec.encode(),
        partition=0,
        on_delivery=lambda error, message: offsets.append(message.offset()),
    )
    assert producer.flush(60) == 0
    (offset,) = offsets
    assert offset is not None, f"the broker refuses {size} bytes by {codec}"
    return [offset]


def many_headers(line: Pipeline, count: int, headers: int) -> list[int]:
    """Append records with empty headers, in batches of at most 200."""
    offsets, at_once = list[int](), min(count, 200)
    records = b"".join(encode_record(delta, b"v", [_EMPTY] * headers) for delta in range(at_once))
    batch = make_batch(gzip.compress(records), at_once, GZIP)
    for _ in range(count // at_once):
        first = produce_batch(line.rig.kafka.ports["client"], line.events, 0, batch)
        offsets += range(first, first + at_once)
    return offsets


def hundred_records(line: Pipeline) -> list[int]:
    records = (encode_record(delta, b"%d" % delta + bytes(900_000)) for delta in range(100))
    first = produce_batch(line.rig.kafka.ports["client"], line.events, 0, compressed(records, 100))
    return list(range(first, first + 100))


@dataclass(frozen=True)
class Place:
    """A part of a record that may have any length: `before` comes before the length, `after` behind the part."""

    before: bytes
    after: bytes
    content: bytes = b"\0"


_NO_KEY, _V = encode_long(-1), encode_long(1) + b"v"
_VALUE = Place(_NO_KEY, encode_long(0))
_HEADER = Place(_NO_KEY + _V + encode_long(1) + encode_long(1) + b"h", b"")
_NAME = Place(_NO_KEY + _V + encode_long(1), encode_long(0), b"n")


def bomb(line: Pipeline, place: Place, mebibytes: int) -> int:
    """Append one record in a batch below 1 MiB, of which one part is large; return its offset."""
    start = b"\0" + encode_long(0) * 2 + place.before + encode_long(mebibytes * MIB)
    length = encode_long(len(start) + mebibytes * MIB + len(place.after))
    parts = (length + start, *(place.content * MIB for _ in range(mebibytes)), place.after)
    return produce_batch(line.rig.kafka.ports["client"], line.events, 0, compressed(iter(parts), 1))


def compressed(parts: Iterator[bytes], count: int) -> bytes:
    """Make a gzip batch of parts that together are too large to hold."""
    stream = zlib.compressobj(9, zlib.DEFLATED, 31)
    return make_batch(b"".join([*map(stream.compress, parts), stream.flush()]), count, GZIP)
