"""The cost of the worst object, trust file, state file or listing that anyone could make: bounded seconds and memory.

Most of it needs no key: an object's records are checked before it is known whose it is. Times are of the CPU, with room
for a slow machine; docs/reference/format.md, Limits, has the bounds that they follow from.
"""

import zlib
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from itertools import chain as chained
from pathlib import Path
from time import process_time

import pytest

from auditseal_auditor.check_pool import CheckPool
from auditseal_auditor.findings import MOST_KEPT
from auditseal_auditor.listing import ListedKey
from auditseal_auditor.object_check import CheckedObject, check_object, read_objects
from auditseal_auditor.request import Request
from auditseal_auditor.state.state_file import read_heads
from auditseal_auditor.verification import Verification
from auditseal_schemas.block import Block, make_locators
from auditseal_schemas.container import Chunk, payload_digest
from auditseal_schemas.deflate import deflate
from auditseal_schemas.errors import ConfigurationError, DecodeError, TrustError, UnavailableError
from auditseal_schemas.event_codec import MAX_EVENT_BYTES, PREFIX_BYTES, decode_event, encode_event
from auditseal_schemas.event_parts import Change, Resource
from auditseal_schemas.header import Header
from auditseal_schemas.limits import MAX_BLOCK_BYTES, MAX_CHUNK_BYTES, MAX_OBJECT_BYTES, MAX_RECORDS, MIB
from auditseal_schemas.merkle import tree_root
from auditseal_schemas.record import RecordEncoder, next_link, scan_record
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict
from auditseal_vault.interface import StoredVersion
from auditseal_vault.open import open_reader
from tests.factory.blocks import chain
from tests.factory.keys import KEY, ORIGIN
from tests.fuzz import seeds
from tests.fuzz.vaults import MemoryVault, scripted_store, stored
from tests.fuzz.watch import check_words, peak_kib, reset_peak_kib

BASE = Block.parse(chain(3)[0][0].format())
MOST_MIB = 64


@contextmanager
def bounded(seconds: float = 10, mebibytes: float = MOST_MIB) -> Iterator[None]:
    """Fail where the CPU's time exceeds the bound, or resident memory rises further than that."""
    before, begin = reset_peak_kib(), process_time()
    yield
    taken, growth = process_time() - begin, peak_kib() - before
    assert taken < seconds
    assert growth < mebibytes * 1024


def checked(data: bytes) -> CheckedObject:
    """Do with an object all that the auditor does with it alone."""
    assert len(data) <= MAX_OBJECT_BYTES
    listed = ListedKey("key", 0, ("",), 1, 0, stored("key"))
    ((_, read),) = read_objects(MemoryVault([], {}, data), [listed])
    assert read
    found = check_object(read, quick=False)
    assert found.fault
    check_words(found.fault.problem)
    return found


def bomb(records: list[bytes]) -> Chunk:
    """Return a data block of the records, as small as deflate can make it."""
    compressor = zlib.compressobj(9, wbits=-15)
    return Chunk(len(records), compressor.compress(b"".join(records)) + compressor.flush())


def block_of(records: list[bytes], chunks: list[Chunk], **changes: object) -> bytes:
    """Return an object whose header tells the truth of the records, but for the changes, and is signed by nobody."""
    links = [BASE.header.first_link]
    for record in records:
        links.append(next_link(links[-1], record))
    locators = make_locators(links[1:])
    fields = {
        "count": len(records),
        "last_offset": len(records) - 1,
        "size": min(sum(map(len, records)), MAX_BLOCK_BYTES),
        "last_link": links[-1],
        "events_root": tree_root(links[1:]),
        "locators": sha256(locators).digest(),
        "payload": payload_digest(chunks),
        "min_timestamp": 0,
        "max_timestamp": 0,
    }
    header = replace(BASE.header, **fields | changes)
    return replace(BASE, header=header, leaf=header.leaf, locators=locators, chunks=tuple(chunks)).format()


def record(offset: int, value: bytes | None = None) -> bytes:
    return RecordEncoder().encode(offset, 0, None, None, value)


def test_as_many_data_blocks_of_the_largest_record_as_an_object_can_hold() -> None:
    """1,400 data blocks that inflate to 8 MiB each, with true locators, so that the search for the damage would
    continue.

    Such an object once took 45 s: what is inflated to find a damaged record had a bound for each data block, and none
    for all of them together. Where the search ends shows how far it went.
    """
    true = [record(0, bytes(8 * MIB - 64))] * 8
    chunk = bomb(true[:1])
    number = MAX_OBJECT_BYTES // (len(chunk.deflated) + 100)
    rest = number - len(true)
    data = block_of(true, [chunk] * number, payload=bytes(32), count=number, last_offset=number - 1)
    block = Block.parse(data)
    locators = block.locators + bytes(2 * rest)
    header = replace(block.header, locators=sha256(locators).digest())
    data = replace(block, header=header, locators=locators).format()
    assert len(data) > MAX_OBJECT_BYTES * 0.9
    with bounded():
        fault = checked(data).fault
    assert fault
    assert fault.field == "record"
    assert fault.offset is not None
    assert fault.offset <= MAX_BLOCK_BYTES // (8 * MIB)


@pytest.mark.parametrize("payload", [None, bytes(32)], ids=["payload holds", "payload broken"])
def test_bombs_of_many_small_records(payload: bytes | None) -> None:
    """As many records as a block may promise in as many bytes as it may hold, nearly all of them zeros."""
    value = bytes(MAX_BLOCK_BYTES // MAX_RECORDS - 20)
    records = [record(offset, value) for offset in range(MAX_RECORDS)]
    size, most = len(records[-1]), MAX_CHUNK_BYTES
    chunks = [bomb(records[at : at + most // size]) for at in range(0, MAX_RECORDS, most // size)]
    changes = {"last_link": bytes(32)} | ({} if payload is None else {"payload": payload})
    data = block_of(records, chunks, **changes)
    assert len(data) < MIB
    with bounded():
        assert checked(data).fault


def test_a_data_block_for_each_record() -> None:
    records = [record(offset) for offset in range(MAX_RECORDS)]
    chunks = [Chunk(1, deflate(one)) for one in records]
    data = block_of(records, chunks, events_root=bytes(32))
    with bounded():
        fault = checked(data).fault
        assert fault
        assert fault.field == "events_root"


def test_as_many_record_headers_as_contents_can_hold() -> None:
    """Two bytes a header, four million of them, in one record of 8 MiB."""
    count = (8 * MIB - 100) // 2
    head = b"\x00\x00\x00\x02" + scan_free_long(count)
    data = head + b"\x00\x00" * count + b"\x00" + b"\x00\x00\x00"
    object_bytes = block_of([record(0)], [Chunk(1, deflate(data))], size=len(data), payload=bytes(32))
    assert len(object_bytes) < MIB
    with bounded():
        assert checked(object_bytes).fault
    assert scan_record(data, 0).end == len(data)


def scan_free_long(value: int) -> bytes:
    """Return Avro's long, written here without the code under test."""
    zigzag, encoded = value << 1, bytearray()
    while zigzag > 0x7F:
        encoded.append(zigzag & 0x7F | 0x80)
        zigzag >>= 7
    return bytes((*encoded, zigzag))


@pytest.mark.parametrize("unit", [b"\x00", b"\x02", b"\x02\x61", b"\x04\x61\x61", b"\xff", b"\x80\x00"])
def test_the_largest_event_and_header_of_one_pattern(unit: bytes) -> None:
    prefix = seeds.events()[0][:PREFIX_BYTES]
    for head in (b"", seeds.events()[0][PREFIX_BYTES:][:300], seeds.events()[1][PREFIX_BYTES:]):
        with bounded():
            refuse_event(prefix + head + unit * ((MAX_EVENT_BYTES - 400) // len(unit)))
    with bounded(1, 8), pytest.raises(Exception, match="MALFORMED") as caught:
        Header.parse(BASE.header.format()[:-3] + unit * (60_000 // len(unit)))
    check_words(str(caught.value))


def refuse_event(data: bytes) -> None:
    with pytest.raises(DecodeError) as caught:
        decode_event(data)
    check_words(str(caught.value))


@pytest.mark.parametrize(
    ("before", "item"),
    [
        (b"\x02a", b"\x00" * 4),
        (b"\x02a", b"\x02r\x021\x00\x00"),
        (b"\x02a\x02\x02r\x021\x00\x00\x00\x00\x00\x00\x00", b"\x00" * 3),
        (b"\x02a\x02\x02r\x021\x00\x00\x00\x00\x00\x00\x00", b"\x02f\x00\x00"),
    ],
    ids=["resources of nothing", "resources", "changes of nothing", "changes"],
)
def test_an_event_of_as_many_parts_as_its_bytes_can_promise(before: bytes, item: bytes) -> None:
    """Changes of an empty text and two nulls, three bytes: 333,000 of them in a megabyte took 67 MiB when decoded."""
    least = seeds.events()[1]
    at = least.index(b"\x02a\x02\x02r") + len(before)
    assert least[:at].endswith(before)
    count = (MAX_EVENT_BYTES - 200) // len(item)
    with bounded(1, 8):
        refuse_event(least[:at] + scan_free_long(count) + item * count + least[at + 1 :])


def test_an_event_of_a_thousand_parts_each_and_the_longest_texts_is_read_in_bounds() -> None:
    event = decode_event(seeds.events()[1])
    resources, changes = ([Resource("r" * 200, "i" * 80)] * 1000, [Change("f" * 200, "b" * 80)] * 1000)
    attributes = {f"{number:04}": "v" * 200 for number in range(1000)}
    data = encode_event(replace(event, resources=resources, changes=changes, attributes=attributes))
    assert len(data) > 0.75 * MAX_EVENT_BYTES
    with bounded(1, 16):
        assert len(decode_event(data).changes) == 1000


def test_the_longest_trust_files() -> None:
    """Ten thousand keys of one log took 14 s while each was compared with all before it."""
    keys = (replace(KEY, public=bytes((7,)) * 28 + number.to_bytes(4, "big")) for number in range(8_000))
    data = "".join(f"log {key}\n" for key in keys).encode()
    with bounded(2, 16):
        assert len(Trust.parse(data).logs[0].keys) == 8_000
    origins = (replace(ORIGIN, run=number) for number in range(8_000))
    root = b64encode(bytes(32)).decode()
    lines = chained.from_iterable(
        (f"log {replace(KEY, name=str(origin))}\n", f"start {origin} 1 {root}\n") for origin in origins
    )
    data = "".join(lines).encode()[: MIB - 200]
    with bounded(2, 32):
        assert len(Trust.parse(data[: data.rindex(b"\nlog")]).logs) > 4_000
    for data in (b"#" * MIB, b"\n" * MIB, b"log " * (MIB // 4), b"log " + b"+" * (MIB - 4), b"\x1b" * MIB):
        with bounded(3, 32), pytest.raises(TrustError) as caught:
            Trust.parse(data)
        check_words(str(caught.value))


def test_a_listing_of_a_hundred_thousand_strangers() -> None:
    """Findings stay few however many there are, and none is lost from the count."""
    number = 100_000
    entries = (stored(f"v1/{seeds.LONE}/stranger-{serial:09}") for serial in range(number))
    with bounded(6, 8):
        report = Verification(Request(Trust.parse(f"log {seeds.LONE_KEY}\n".encode())), lone(entries)).run()
    assert report.logs[0].findings.counts[Verdict.BAD_STORAGE] == number
    assert len(report.kept_findings) <= MOST_KEPT


def test_a_height_that_leaves_a_gap_of_a_billion_blocks() -> None:
    first, second = seeds.lone_log()
    keys = [seeds.LONE.block_key(height) for height in (0, 1, 10**12 - 1)]
    vault = MemoryVault([stored(key) for key in keys], {keys[0]: first, keys[1]: second}, default=second)
    with bounded(3, 8):
        report = Verification(
            Request(Trust.parse(f"log {seeds.LONE_KEY}\n".encode())), CheckPool(lambda: vault, 1)
        ).run()
    assert report.worst in {Verdict.BROKEN_CHAIN, Verdict.SQUATTED}


def lone(entries: Iterator[StoredVersion]) -> CheckPool:
    """Return an examiner of a store that lists the entries, in their order, once."""
    vault = MemoryVault([], {})
    vault.versions = lambda prefix, after="", limit=None: entries  # type: ignore[method-assign]
    return CheckPool(lambda: vault, 1)


PAGE = (
    "<ListVersionsResult><IsTruncated>{truncated}</IsTruncated>{next}<Version><Key>{key}</Key><VersionId>a</VersionId>"
    "<IsLatest>true</IsLatest><LastModified>2026-11-21T12:00:00Z</LastModified></Version></ListVersionsResult>"
)


def list_all(content: str) -> list[StoredVersion]:
    return list(scripted_store().answer(content.encode()).versions("v1/", after="v1/k"))


@pytest.mark.parametrize(
    ("truncated", "following", "key", "words"),
    [
        ("true", "", "v1/m", "continues without a place to continue from"),
        ("true", "<NextKeyMarker>v1/k</NextKeyMarker>", "v1/m", "continues without a place to continue from"),
        ("false", "", "v1/k", "out of order"),
        ("false", "", "v1/a", "out of order"),
        ("false", "", "v2/z", "not what was asked for"),
        ("false", "", "blocks/000000000000.avro", "not what was asked for"),
        ("false", "", "v1/m</Key><Key>v1/n", "not one of S3's"),
        ("", "", "v1/m%1b[31m", ""),
    ],
)
def test_a_store_that_lists_for_ever_or_anything(truncated: str, following: str, key: str, words: str) -> None:
    content = PAGE.format(truncated=truncated, next=following, key=key)
    if not words:
        assert [entry.version_id for entry in list_all(content)] == ["a"]
        return
    with pytest.raises(UnavailableError, match=words) as caught:
        list_all(content)
    check_words(str(caught.value))


@pytest.mark.parametrize(
    ("whole", "broken"),
    [
        ("<IsTruncated>false</IsTruncated>", ""),
        ("<Key>v1/m</Key>", ""),
        ("<VersionId>a</VersionId>", ""),
        ("<IsLatest>true</IsLatest>", ""),
        ("2026-11-21T12:00:00Z", "yesterday\x7f\u202e"),
        ("2026-11-21T12:00:00Z", "9e999"),
        ("2026-11-21T12:00:00Z", "-99999999999999"),
        ("</Version>", "<Size>1p0</Size></Version>"),
        ("</ListVersionsResult>", ""),
        ("<ListVersionsResult>", "<ListVersionsResult>\x00"),
    ],
)
def test_an_answer_that_is_none_of_s3s(whole: str, broken: str) -> None:
    """Each is a store that can't be read: exit code 1, never a crash, and never a listing that is whole."""
    content = PAGE.format(truncated="false", next="", key="v1/m")
    assert len(list_all(content)) == 1
    with pytest.raises(UnavailableError) as caught:
        list_all(content.replace(whole, broken))
    check_words(str(caught.value))


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
BILLION = f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "lol">{LAUGHS}]><x>&l11;</x>'
VERSION = "<Version><Key>v1/{}</Key><VersionId>a</VersionId><IsLatest>true</IsLatest></Version>"


@pytest.mark.parametrize("status", [200, 403])
@pytest.mark.parametrize(
    "content",
    [
        BILLION.encode(),
        BILLION.encode("utf-16"),
        b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><x>&f;</x>',
        b"<a>" * 49_000 + b"</a>" * 49_000,
        b"<a>" * 100_000 + b"</a>" * 100_000,
        b"<x>" * 99_999,
        b"<x>" + b"".join(b"<a%050d/>" % number for number in range(80_000)) + b"</x>",
        b"<x>" + b"".join(b"<a %s/>" % b"".join(b" a%x=''" % (n * 1300 + m) for m in range(1300)) for n in range(300)),
        b"<x>" + b"<a>" + b"ab\n" * 1_500_000 + b"</a></x>",
        b"<x>" + (b"<a>" + b"ab\n" * 5_000 + b"</a>") * 300 + b"</x>",
        VERSION.format("%61" * 1_700_000).encode(),
        b"<x>" + b"a<!---->" * 600_000 + b"</x>",
        b"<x>" + b"a" * (6 << 20) + b"</x>",
        b'<?xml version="1.0" encoding="iso-8859-1"?><x>' + (b"\xe4" * 16_000 + b"<a/>") * 320 + b"</x>",
    ],
    ids=[
        *(
            "entities",
            "entities in UTF-16",
            "outside",
            "deep",
            "deeper",
            "open",
            "tags",
            "attributes",
            "lines",
            "texts",
        ),
        *("escapes", "comments", "long", "Latin-1"),
    ],
)
def test_xml_that_means_harm(content: bytes, status: int) -> None:
    """Entities once took 100 MiB, and a key of 5 MiB of escapes 444."""
    with bounded(3), pytest.raises(UnavailableError) as caught:
        list(scripted_store().answer(content, status).versions("v1/", after="v1/k"))
    check_words(str(caught.value))


def test_a_whole_page_of_the_longest_keys_is_read() -> None:
    version = PAGE[PAGE.index("<Version>") : PAGE.index("</ListVersionsResult>")].replace(
        "<VersionId>a", "<Owner><ID>o</ID></Owner><ETag>&quot;e&quot;</ETag><Size>1</Size>\n<VersionId>" + "i" * 1024
    )
    keys = (f"v1/m{number:03}{'%C3%A4' * 509}" for number in range(1000))
    body = "".join(version.format(key=key) for key in keys)
    head = "<EncodingType>url</EncodingType><IsTruncated>false</IsTruncated>"
    content = f"<ListVersionsResult>{head}{body}</ListVersionsResult>"
    assert len(content) > 4 * MIB
    with bounded():
        assert len(list_all(content)) == 1000


def test_a_stores_own_words_are_escaped() -> None:
    content = "<Error><Code>Denied\u202e</Code><Message>\u2028\u009b31m{}</Message></Error>".format("long " * 500)
    with pytest.raises(UnavailableError, match="Denied") as caught:
        scripted_store().answer(content.encode(), 403).read("v1/key")
    check_words(str(caught.value))


@pytest.mark.parametrize(
    "url",
    [
        "s3://[",
        "file://[/x",
        "file:///a%00b",
        "s3://bucket?endpoint=http://[",
        "s3://bucket?endpoint=\x1b[31m",
        "s3://bucket?endpoint=ftp:x",
        "s3://bucket?%1b",
        "\u202e" * 500,
    ],
)
def test_a_vaults_url_from_a_trust_file_that_means_harm(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with pytest.raises(ConfigurationError) as caught:
        open_reader(url)
    check_words(str(caught.value))


@pytest.mark.parametrize(
    "content",
    [b"[" * 200_000, b'{"version": 1, "heads": ' * 50_000, b'{"version": 1, "heads": {"\\u001b": 1}}', b"9" * 9_000],
)
def test_a_state_file_that_means_harm(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "state"
    path.write_bytes(content)
    with bounded(3), pytest.raises(ConfigurationError) as caught:
        read_heads(path)
    check_words(str(caught.value).replace(str(path), "PATH"))
