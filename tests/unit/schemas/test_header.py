"""A header can't contradict itself, and has one encoding."""

from dataclasses import replace
from typing import Any

import pytest

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.header import (
    CAUSE_BELOW_START,
    CAUSE_UNKNOWN,
    CAUSE_UNREADABLE,
    TIMESTAMP_APPEND,
    Extension,
    Gap,
    Header,
    Predecessor,
)
from auditseal_schemas.limits import (
    MAX_BLOCK_BYTES,
    MAX_EXTENSIONS,
    MAX_GAPS,
    MAX_HEADER_BYTES,
    MAX_KEYS,
    MAX_RECORDS,
    MAX_TEXT,
)
from auditseal_schemas.merkle import leaf_hash
from auditseal_schemas.origin import Origin
from auditseal_schemas.schema import encode_value, schema_text
from tests.factory.blocks import empty_header, flipped
from tests.factory.keys import KEY, ORIGIN

SECOND_RUN = Origin(ORIGIN.cluster, ORIGIN.topic, ORIGIN.partition, 1)
PREDECESSOR = Predecessor(str(ORIGIN), 2, bytes(32), ("k",))
TEN = {
    "last_offset": 9,
    "count": 10,
    "size": 100,
    "timestamp_type": TIMESTAMP_APPEND,
    "min_timestamp": 5,
    "max_timestamp": 6,
    "last_link": bytes(32),
    "events_root": bytes(32),
}


def refuse(field: str, **changes: Any) -> None:
    with pytest.raises(MalformedError) as caught:
        empty_header(**changes)
    assert caught.value.field == f"header.{field}"
    assert str(caught.value).isprintable()


def extensions(count: int) -> tuple[Extension, ...]:
    return tuple(Extension(f"key-{number:02d}", b"value") for number in range(count))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        TEN,
        TEN | {"min_timestamp": -(2**63), "max_timestamp": 2**63 - 1},
        TEN | {"min_timestamp": 6},
        TEN | {"timestamp_type": 0, "min_timestamp": -1, "max_timestamp": -1},
        {"last_offset": 9, "gaps": (Gap(0, 9, CAUSE_UNKNOWN),)},
        {"last_offset": 9, "gaps": (Gap(0, 3, CAUSE_BELOW_START), Gap(4, 9, CAUSE_UNKNOWN))},
        {"first_offset": 2**63 - 1, "last_offset": 2**63 - 2},
        {"first_offset": 2**62, "last_offset": 2**63 - 1, "gaps": (Gap(2**62, 2**63 - 1, 0),)},
        TEN | {"last_offset": 11, "gaps": (Gap(0, 0, 0), Gap(11, 11, 1))},
        {"last_offset": 9, "gaps": (Gap(0, 3, CAUSE_UNREADABLE), Gap(4, 9, CAUSE_UNKNOWN))},
        TEN | {"last_offset": 11, "gaps": (Gap(3, 3, 0), Gap(5, 5, 0))},
        TEN | {"size": MAX_BLOCK_BYTES, "count": MAX_RECORDS, "last_offset": MAX_RECORDS - 1},
        {"last_offset": 2 * MAX_GAPS, "gaps": tuple(Gap(2 * n, 2 * n, 0) for n in range(MAX_GAPS))}
        | {key: TEN[key] for key in ("min_timestamp", "max_timestamp")}
        | {"count": MAX_GAPS + 1},
        {"origin": SECOND_RUN, "predecessor": PREDECESSOR},
        {"origin": SECOND_RUN, "height": 1},
        {"height": 10**12 - 1},
        {"final": True},
        {"next_keys": (str(KEY),)},
        {"next_keys": tuple(map(str, range(MAX_KEYS)))},
        {"extensions": extensions(MAX_EXTENSIONS)},
        {"extensions": (Extension("", b""), Extension("a!", b"\xff"), Extension("ä", b""))},
        {"cluster_id": "~" * MAX_TEXT, "topic_id": " ", "sealer": "!"},
        {"last_leader_epoch": -1},
    ],
    ids=lambda changes: ",".join(changes) or "empty",
)
def test_a_legal_header_survives_its_encoding(changes: dict[str, Any]) -> None:
    header = empty_header(**changes)
    data = header.format()
    assert Header.parse(data) == header
    assert Header.parse(data).format() == data
    assert header.leaf == leaf_hash(data)


@pytest.mark.parametrize("field", ["cluster_id", "topic_id", "sealer"])
@pytest.mark.parametrize("text", ["", "a" * (MAX_TEXT + 1), "ä", "a\n", "\x1b[31m", "\x7f", "\u202e"])
def test_texts_are_short_and_printable(field: str, text: str) -> None:
    refuse(field, **{field: text})


@pytest.mark.parametrize("partitions", [-1, 0, 3, 2**31])
def test_the_partition_is_one_of_them(partitions: int) -> None:
    refuse("partitions", partitions=partitions)


@pytest.mark.parametrize(
    "changes",
    [
        {"predecessor": PREDECESSOR},
        {"origin": SECOND_RUN},
        {"origin": SECOND_RUN, "height": 1, "predecessor": PREDECESSOR},
        {"origin": SECOND_RUN, "predecessor": PREDECESSOR._replace(size=-1)},
        {"origin": SECOND_RUN, "predecessor": PREDECESSOR._replace(keys=())},
        {"origin": SECOND_RUN, "predecessor": PREDECESSOR._replace(keys=("k", "k"))},
        {"origin": SECOND_RUN, "predecessor": PREDECESSOR._replace(keys=tuple(map(str, range(17))))},
        {"origin": SECOND_RUN, "predecessor": PREDECESSOR._replace(origin=str(SECOND_RUN))},
    ],
)
def test_a_predecessor_stands_where_it_belongs(changes: dict[str, Any]) -> None:
    refuse("predecessor", **changes)


@pytest.mark.parametrize("origin", ["", "\x1b[31m", "a/b/c/d", "a" * 60_000])
def test_a_predecessor_is_an_origin(origin: str) -> None:
    with pytest.raises(MalformedError, match="origin") as caught:
        empty_header(origin=SECOND_RUN, predecessor=PREDECESSOR._replace(origin=origin))
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("height", {"height": -1}),
        ("height", {"height": 10**12}),
        ("height", {"sealed_at": -1}),
        ("last_leader_epoch", {"last_leader_epoch": -2}),
        ("last_leader_epoch", {"last_leader_epoch": 2**31}),
        ("count", {"count": -1}),
        ("count", TEN | {"count": MAX_RECORDS + 1, "last_offset": MAX_RECORDS}),
        ("count", {"size": -1}),
        ("count", TEN | {"size": MAX_BLOCK_BYTES + 1}),
        ("last_offset", {"first_offset": -1, "last_offset": -2}),
        ("last_offset", {"first_offset": -1}),
        ("last_offset", {"first_offset": 1}),
        ("last_offset", {"last_offset": -2}),
        ("count", {"size": 1}),
        ("count", {"last_link": bytes(32)}),
        ("count", {"events_root": bytes(32)}),
        ("count", {"last_offset": 0}),
        ("count", TEN | {"count": 9}),
        ("count", TEN | {"count": 11}),
        ("count", TEN | {"last_offset": 10}),
        ("timestamp_type", {"timestamp_type": 3}),
        ("timestamp_type", {"timestamp_type": -1}),
        ("min_timestamp", {"min_timestamp": 1}),
        ("min_timestamp", {"max_timestamp": 1}),
        ("min_timestamp", TEN | {"min_timestamp": None}),
        ("min_timestamp", TEN | {"max_timestamp": None}),
        ("min_timestamp", TEN | {"min_timestamp": 7}),
    ],
    ids=str,
)
def test_no_contradiction_is_accepted(field: str, changes: dict[str, Any]) -> None:
    refuse(field, **changes)


@pytest.mark.parametrize(
    "gaps",
    [
        (Gap(3, 2, 0),),
        (Gap(-1, -1, 0),),
        (Gap(13, 13, 0),),
        (Gap(11, 13, 0),),
        (Gap(3, 5, 3),),
        (Gap(3, 5, -1),),
        (Gap(5, 5, 0), Gap(3, 4, 0)),
        (Gap(3, 4, 0), Gap(4, 5, 1)),
        (Gap(3, 4, 0), Gap(3, 4, 0)),
        (Gap(3, 4, 0), Gap(5, 5, 0)),
        (Gap(3, 3, 1), Gap(4, 5, 1)),
    ],
    ids=str,
)
def test_gaps_are_sorted_disjoint_and_whole(gaps: tuple[Gap, ...]) -> None:
    refuse("gaps", **TEN | {"last_offset": 12, "gaps": gaps})


def test_there_are_not_too_many_of_anything() -> None:
    gaps = tuple(Gap(2 * number, 2 * number, 0) for number in range(MAX_GAPS + 1))
    refuse("gaps", **TEN | {"last_offset": 2 * MAX_GAPS, "count": MAX_GAPS, "gaps": gaps})
    refuse("extensions", extensions=extensions(MAX_EXTENSIONS + 1))
    refuse("next_keys", next_keys=tuple(map(str, range(MAX_KEYS + 1))))
    refuse("next_keys", next_keys=(str(KEY), str(KEY)))


@pytest.mark.parametrize("keys", [("b", "a"), ("a", "a"), ("ä", "z"), ("a", "!b"), ("!",), ("!must", "other")])
def test_extensions_are_sorted_unique_and_known_where_they_must_be(keys: tuple[str, ...]) -> None:
    refuse("extensions", extensions=tuple(Extension(key, b"") for key in keys))


def test_extensions_sort_by_their_bytes() -> None:
    """U+FF5E comes before U+10000 in UTF-8 and after it in UTF-16."""
    empty_header(extensions=(Extension("\uff5e", b""), Extension("\U00010000", b"")))
    refuse("extensions", extensions=(Extension("\U00010000", b""), Extension("\uff5e", b"")))


@pytest.mark.parametrize("version", [-1, 0, 2, 2**31 - 1])
def test_another_version_is_refused(version: int) -> None:
    fields = {"version": version, "origin": str(ORIGIN)}
    header = empty_header()
    names = ("height", "previous", "predecessor", "cluster_id", "topic_id", "partitions", "last_leader_epoch")
    names += ("first_offset", "last_offset", "count", "size", "timestamp_type", "min_timestamp", "max_timestamp")
    names += ("sealed_at", "first_link", "last_link", "events_root", "payload", "locators", "final", "sealer")
    fields |= {name: getattr(header, name) for name in names} | {"gaps": [], "next_keys": [], "extensions": []}
    assert encode_value("block_header", fields | {"version": 1}) == header.format()
    with pytest.raises(MalformedError) as caught:
        Header.parse(encode_value("block_header", fields))
    assert caught.value.field == "header.version"


def test_records_have_no_fewer_than_0_bytes() -> None:
    refuse("count", **TEN | {"size": -1})


def test_a_header_ends_its_log_only_where_it_says_so() -> None:
    assert empty_header().final is False


def test_a_header_has_a_greatest_length() -> None:
    room = MAX_HEADER_BYTES - len(empty_header(extensions=(Extension("k", bytes(60_000)),)).format())
    longest = empty_header(extensions=(Extension("k", bytes(60_000 + room)),))
    assert len(longest.format()) == MAX_HEADER_BYTES
    assert Header.parse(longest.format()) == longest
    with pytest.raises(MalformedError, match="exceeds"):
        Header.parse(empty_header(extensions=(Extension("k", bytes(60_001 + room)),)).format())


def test_every_changed_byte_is_refused_or_another_header() -> None:
    header = empty_header(
        **TEN
        | {"last_offset": 12, "gaps": (Gap(2, 2, 0), Gap(3, 4, 1)), "origin": SECOND_RUN, "predecessor": PREDECESSOR},
        next_keys=("a",),
        extensions=(Extension("b", b"c"),),
    )
    data = header.format()
    leaves = {header.leaf}
    for position in range(len(data)):
        for mask in (1, 2, 0x20, 0x80, 0xFF):
            try:
                other = Header.parse(flipped(data, position, mask))
            except MalformedError as error:
                words = str(error)
                assert words.isprintable()
                continue
            assert other.format() == flipped(data, position, mask)
            assert other != header
            leaves.add(other.leaf)
    assert len(leaves) > 300
    for length in range(len(data)):
        with pytest.raises(MalformedError):
            Header.parse(data[:length])
    with pytest.raises(MalformedError):
        Header.parse(data + b"\x00")


def test_lenient_avro_is_refused() -> None:
    """Encodings that fastavro reads and nobody may sign: padded varints, arrays in several blocks, sized blocks."""
    data = empty_header(next_keys=("a", "b")).format()
    array = b"\x04\x02a\x02b\x00"
    place = data.index(array)
    before, after = data[:place], data[place + len(array) :]
    assert Header.parse(before + array + after).next_keys == ("a", "b")
    for other in (
        b"\x02\x02a\x02\x02b\x00",
        b"\x03\x08\x02a\x02b\x00",
        b"\x84\x00\x02a\x02b\x00",
        b"\x04\x82\x00a\x02b\x00",
        b"\x04\x02a\x02b\x80\x00",
    ):
        with pytest.raises(MalformedError, match="not canonical"):
            Header.parse(before + other + after)


def test_the_schema_is_shipped_without_its_last_newline() -> None:
    assert schema_text("block_header").endswith(b"}")
    assert b"\n" not in schema_text("sealed_record")


def test_a_header_that_was_replaced_has_an_encoding_of_its_own() -> None:
    header = empty_header()
    before = header.format()
    other = replace(header, sealed_at=header.sealed_at + 1)
    assert other.format() != before
    assert Header.parse(other.format()) == other
    assert header.format() == before
