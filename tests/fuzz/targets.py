"""The parsers that meet untrusted bytes, each with what it promises.

The promises are those of docs/reference/format.md and of the docstrings of the code.
"""

from dataclasses import replace
from functools import cache
from itertools import islice
from random import Random
from typing import Any

from auditseal_auditor.blocks.block_json import block_to_json, record_to_json
from auditseal_auditor.blocks.block_text import block_lines, record_lines, verified_lines
from auditseal_auditor.blocks.single_block import SingleBlock
from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.listing import list_keys
from auditseal_auditor.report import Report
from auditseal_auditor.report_text import detail_lines, summary_line
from auditseal_auditor.request import Request
from auditseal_auditor.verification import Verification
from auditseal_schemas.block import Block
from auditseal_schemas.checkpoint import Checkpoint
from auditseal_schemas.container import Container
from auditseal_schemas.errors import DecodeError, TrustError, UnavailableError, VerificationError
from auditseal_schemas.event_codec import PREFIX_BYTES, decode_event, encode_event
from auditseal_schemas.header import Header
from auditseal_schemas.key import VerifierKey
from auditseal_schemas.limits import MAX_BLOCK_BYTES, MAX_CONTENT_BYTES, MAX_RECORDS
from auditseal_schemas.note import Note
from auditseal_schemas.origin import Origin
from auditseal_schemas.record import SealedRecord, parse_record
from auditseal_schemas.trust import Trust
from auditseal_schemas.verification import RECORDS, verify
from tests.factory.blocks import GENESIS
from tests.factory.keys import KEY, ORIGIN, OTHER_KEY
from tests.fuzz import seeds
from tests.fuzz.edit import Edit
from tests.fuzz.mutate_avro import mutate_avro
from tests.fuzz.mutate_block import containers, mutate_block
from tests.fuzz.mutate_record import encode_record, mutate_record
from tests.fuzz.mutate_text import mutate_note, mutate_text, mutate_vkey
from tests.fuzz.target import Target
from tests.fuzz.vaults import ENTRY_END, MemoryVault, parse_entries, scripted_store, stored
from tests.fuzz.watch import check_words

_CONTROL = set(map(chr, (*range(10), *range(11, 32), *range(127, 160))))
_MOST_ENTRIES = 5_000
_MOST_LINE = 8_000  # an object's key and its version, 1,024 bytes each, with every byte of them escaped


def _read_event(data: bytes) -> None:
    assert encode_event(decode_event(data)) == data


def _read_shown(data: bytes) -> None:
    """Show a record whose key, header and value are the data, as `auditseal show` does: each value is one line."""
    record = SealedRecord(0, 0, data, ((data.decode(errors="replace"), data),), data)
    single = SingleBlock(Block.parse(seeds.blocks()[0]), "v1/key", "1", (KEY,), is_rotated=True)
    shown = block_to_json(single, record)
    title, *of_record = record_lines(shown)
    assert title == "record"
    assert all(line.isprintable() and line.startswith("  ") for line in of_record)
    empty = 0 if data else 3  # key, header and value, of which each says that it is empty
    is_cut = any(line.lstrip().startswith("… and ") for line in of_record)
    assert is_cut or len(of_record) == _values_in(record_to_json(record)) + empty
    assert all(line.isprintable() for line in (*block_lines(shown), *verified_lines(shown)))


def _values_in(value: Any) -> int:
    """Return how many values say something, those that hold others among them."""
    if not isinstance(value, (dict, list)):
        return 0
    items = value.values() if isinstance(value, dict) else value
    return sum(1 + _values_in(item) for item in items if item is not None and item not in ([], {}, ""))


def _read_origin(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    assert str(Origin.parse(text)) == text


def _read_vkey(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    assert str(VerifierKey.parse(text)) == text


def _read_checkpoint(data: bytes) -> None:
    text = data.decode(errors="surrogateescape")
    assert Checkpoint.parse(text).format() == text


def _read_note(data: bytes) -> None:
    note = Note.parse(data)
    assert note.format() == data
    assert not _CONTROL & set(data.decode())
    note.check((KEY,))


def _read_trust(data: bytes) -> None:
    trust = Trust.parse(data)
    assert not (_CONTROL - {"\t"}) & set(data.decode())
    assert all(log.keys for log in trust.logs)
    if trust.vault:
        assert trust.vault.encode() in data


def _read_header(data: bytes) -> None:
    header = Header.parse(data)
    assert header.format() == data
    assert 0 <= header.size <= MAX_BLOCK_BYTES
    assert 0 <= header.count <= min(MAX_RECORDS, header.last_offset - header.first_offset + 1)


def _read_record(data: bytes) -> None:
    record = parse_record(data)
    assert encode_record(record) == data
    assert record.offset >= 0
    assert len(record.salt) in {0, 16}
    if record.oversize:
        assert (record.key, record.headers, record.value) == (None, None, None)
        assert record.oversize.length > MAX_CONTENT_BYTES


def _read_container(data: bytes) -> None:
    assert Container.parse(data).format() == data


def _read_block(data: bytes) -> None:
    """Take the object as the next block of its log, as sealer, archiver and auditor do."""
    block = Block.parse(data)
    assert block.format() == data
    state = next((state for state in seeds.logs()[1] if state.height == block.header.height), GENESIS)
    after = state.accept(block)
    assert (after.height, after.previous) == (state.height + 1, block.leaf)


def _read_records(data: bytes) -> None:
    """Check the object's records, whatever else is wrong with it; a block that holds has the records it says."""
    block = Block.parse(data)
    verify(block, RECORDS)
    assert sum(1 for _ in block.records()) == block.header.count


def _read_audit(data: bytes) -> None:
    """Audit a log whose first block is the data and whose second is genuine.

    Nothing but the original may pass, though strangers may add their signatures to it.
    """
    first, second = seeds.lone_log()
    keys = seeds.LONE.block_key(0), seeds.LONE.block_key(1)
    report = _audit(MemoryVault([stored(key) for key in keys], {keys[0]: data, keys[1]: second}))
    if report.exit_code == 0:
        assert replace(Block.parse(data), note=Block.parse(first).note).format() == first
    else:
        assert data != first


def _read_listing(data: bytes) -> None:
    """Audit a log of one block, of which the store lists the data's lines, whatever key is read.

    Of one entry, named as a block, all is well; without entries there is nothing to report.
    """
    entries = parse_entries(data)
    report = _audit(MemoryVault(entries, {}, default=seeds.lone_log()[0]))
    mine = [entry for entry in entries if entry.key.startswith(f"v1/{seeds.LONE}/")]
    genuine = len(mine) == 1 and mine[0].key == seeds.LONE.block_key(0) and not mine[0].is_delete_marker
    assert (report.exit_code == 0) == genuine, [report.worst, entries]


def _read_object_key(data: bytes) -> None:
    """Name the height of a key: of a block's key its own, of any other none."""
    key = data.decode(errors="replace")
    slots = list(list_keys(MemoryVault([stored(key)], {}), seeds.LONE))
    assert len(slots) == key.startswith(f"v1/{seeds.LONE}/")
    for slot in slots:
        assert slot.height is None or seeds.LONE.block_key(slot.height) == key


def _read_s3_listing(data: bytes) -> None:
    """Read a listing as an S3 server may answer it."""
    found = list(islice(scripted_store().answer(data).versions("v1/"), _MOST_ENTRIES))
    assert len(found) < _MOST_ENTRIES


def _read_s3_error(data: bytes) -> None:
    """Read an error as an S3 server may answer it."""
    scripted_store().answer(data, 403).read("v1/key")


def _audit(vault: MemoryVault) -> Report:
    request = Request(Trust.parse(f"log {seeds.LONE_KEY}\n".encode()))
    report = Verification(request, CheckPool(lambda: vault, 1)).run()
    for line in (summary_line(report), *detail_lines(report)):
        check_words(line, _MOST_LINE)
    return report


def _mutate_blocks(data: bytes, random: Random, edit: Edit) -> bytes:
    return mutate_block(_donors(), data, random, edit)


@cache
def _donors() -> list[Container]:
    return containers(seeds.blocks())


def _mutate_events(data: bytes, random: Random, edit: Edit) -> bytes:
    return mutate_avro("audit_event.v1", seeds.events()[0][:PREFIX_BYTES], seeds.events(), data, random, edit)


def _shown_events() -> tuple[bytes, ...]:
    names = ("note", "verified", "-", "a\nb")
    hostile = replace(seeds.FULL_EVENT, attributes=dict.fromkeys(names, "x\nverified\n  every byte"))
    return (encode_event(hostile), *seeds.events())


def _headers() -> tuple[bytes, ...]:
    return tuple(container.header for container in _donors())


def _mutate_headers(data: bytes, random: Random, edit: Edit) -> bytes:
    return mutate_avro("block_header", b"", _headers(), data, random, edit)


def _notes() -> tuple[bytes, ...]:
    return tuple(container.checkpoint for container in _donors())


def _checkpoints() -> tuple[bytes, ...]:
    return tuple(Note.parse(note).text.encode() for note in _notes())


def _entries() -> tuple[bytes, ...]:
    keys = [seeds.LONE.block_key(height).encode() for height in range(3)]
    return (
        keys[0],
        ENTRY_END.join(keys),
        ENTRY_END.join((keys[0] + b"\tone\t", keys[0] + b"\ttwo\t", keys[1] + b"\tthree\tmarker", keys[2])),
        ENTRY_END.join((f"v1/{seeds.LONE}/other".encode(), keys[2] + b".bak", b"v2/stranger")),
    )


_LISTING = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Name>bucket</Name><Prefix>v1/</Prefix><KeyMarker></KeyMarker><MaxKeys>1000</MaxKeys>"
    b"<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
    b"<Version><Key>v1/one</Key><VersionId>a-1</VersionId><IsLatest>true</IsLatest>"
    b"<LastModified>2026-11-21T12:00:00.000Z</LastModified><Size>7</Size></Version>"
    b"<DeleteMarker><Key>v1/two%1b</Key><VersionId>b-2</VersionId><IsLatest>false</IsLatest>"
    b"<LastModified>2026-11-21T12:00:01.000Z</LastModified></DeleteMarker></ListVersionsResult>"
)
_ERROR = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied</Message>'
    b"<Resource>/bucket/v1</Resource><RequestId>1</RequestId><HostId>h</HostId></Error>"
)

_REFUSED = (VerificationError,)
_STORE = (UnavailableError,)
TARGETS = {
    target.name: target
    for target in (
        Target(
            "event",
            _read_event,
            (DecodeError,),
            seeds.events,
            _mutate_events,
            4096,
            ("auditseal_schemas.event_codec", "auditseal_schemas.event_skim"),
        ),
        Target(
            "shown",
            _read_shown,
            (),
            _shown_events,
            _mutate_events,
            4096,
            ("auditseal_auditor.blocks.block_json", "auditseal_auditor.blocks.block_text"),
        ),
        Target(
            "origin",
            _read_origin,
            _REFUSED,
            lambda: (str(ORIGIN).encode(), b"a/B_c/0/12"),
            mutate_text,
            512,
            ("auditseal_schemas.origin",),
        ),
        Target(
            "vkey",
            _read_vkey,
            _REFUSED,
            lambda: (str(KEY).encode(), str(OTHER_KEY).encode()),
            mutate_vkey,
            512,
            ("auditseal_schemas.key",),
        ),
        Target(
            "checkpoint", _read_checkpoint, _REFUSED, _checkpoints, mutate_text, 1024, ("auditseal_schemas.checkpoint",)
        ),
        Target("note", _read_note, _REFUSED, _notes, mutate_note, 4096, ("auditseal_schemas.note",)),
        Target("trust", _read_trust, (TrustError,), seeds.trust_files, mutate_text, 4096, ("auditseal_schemas.trust",)),
        Target("header", _read_header, _REFUSED, _headers, _mutate_headers, 4096, ("auditseal_schemas.header",)),
        Target("record", _read_record, _REFUSED, seeds.records, mutate_record, 4096, ("auditseal_schemas.record",)),
        Target(
            "container",
            _read_container,
            _REFUSED,
            seeds.blocks,
            _mutate_blocks,
            16_384,
            ("auditseal_schemas.container",),
        ),
        Target(
            "block",
            _read_block,
            _REFUSED,
            seeds.blocks,
            _mutate_blocks,
            16_384,
            ("auditseal_schemas.block", "auditseal_schemas.log"),
        ),
        Target(
            "records",
            _read_records,
            _REFUSED,
            seeds.blocks,
            _mutate_blocks,
            16_384,
            ("auditseal_schemas.record_checks", "auditseal_schemas.record", "auditseal_schemas.deflate"),
        ),
        Target(
            "audit",
            _read_audit,
            (),
            seeds.lone_log,
            _mutate_blocks,
            16_384,
            (
                "auditseal_auditor.log_progress",
                "auditseal_auditor.object_check",
                "auditseal_auditor.log_check",
            ),
        ),
        Target("object_key", _read_object_key, (), _entries, mutate_text, 1024, ("auditseal_auditor.listing",)),
        Target(
            "listing",
            _read_listing,
            (),
            _entries,
            mutate_text,
            4096,
            ("auditseal_auditor.listing", "auditseal_auditor.log_check"),
        ),
        Target("s3_listing", _read_s3_listing, _STORE, lambda: (_LISTING,), mutate_text, 4096, ("auditseal_vault.s3",)),
        Target("s3_error", _read_s3_error, _STORE, lambda: (_ERROR,), mutate_text, 2048, ("auditseal_vault.s3",)),
    )
}
"""Every target, by its name."""
