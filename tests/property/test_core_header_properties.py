"""Any legal header survives its encoding, as fastavro reads it; anything else is refused."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import fastavro
from hypothesis import given
from hypothesis import strategies as st

from auditseal_schemas.block import Block
from auditseal_schemas.container import Container
from auditseal_schemas.header import Extension, Gap, Header, Predecessor
from auditseal_schemas.merkle import EMPTY_ROOT
from auditseal_schemas.note import Note, NoteSignature
from auditseal_schemas.origin import Origin
from auditseal_schemas.schema import parsed_schema
from tests.factory.blocks import chain, flipped, read_or_refuse

HASHES = st.binary(min_size=32, max_size=32)
LONGS = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=20)
SEGMENTS = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 2**40), st.sampled_from([0, 1, 2])), max_size=6)
BLOCK_DATA = chain(2, 3)[0][1].format()


@st.composite
def predecessors(draw: st.DrawFn, origin: Origin) -> Predecessor:
    before = str(replace(origin, run=origin.run - 1))
    keys = draw(st.lists(st.text(max_size=8), unique=True, min_size=1, max_size=3))
    return Predecessor(before, draw(st.integers(0, 2**63 - 1)), draw(HASHES), tuple(keys))


@st.composite
def headers(draw: st.DrawFn) -> Header:
    """Draw records and gaps one after the other, and all else at will."""
    first = offset = draw(st.integers(0, 2**62))
    gaps: list[Gap] = []
    count = 0
    for records, missing, cause in draw(SEGMENTS):
        offset, count = offset + records, count + records
        if not (gaps and gaps[-1].last + 1 == offset and gaps[-1].cause == cause):
            gaps.append(Gap(offset, offset + missing - 1, cause))
            offset += missing
    low, high = sorted((draw(LONGS), draw(LONGS)))
    link = draw(HASHES)
    run = draw(st.integers(0, 3))
    height = draw(st.integers(0, 1) | st.integers(0, 10**12 - 1))
    origin = Origin("c", "t", draw(st.integers(0, 5)), run)
    return Header(
        origin=origin,
        height=height,
        previous=draw(HASHES),
        predecessor=draw(predecessors(origin)) if run and not height else None,
        cluster_id=draw(TEXTS),
        topic_id=draw(TEXTS),
        partitions=draw(st.integers(6, 2**31 - 1)),
        last_leader_epoch=draw(st.integers(-1, 2**31 - 1)),
        first_offset=first,
        last_offset=offset - 1,
        count=count,
        size=draw(st.integers(1, 2**20)) if count else 0,
        gaps=tuple(gaps),
        timestamp_type=draw(st.integers(0, 2)),
        min_timestamp=low if count else None,
        max_timestamp=high if count else None,
        sealed_at=draw(st.integers(0, 2**63 - 1)),
        first_link=link,
        last_link=draw(HASHES) if count else link,
        events_root=draw(HASHES) if count else EMPTY_ROOT,
        payload=draw(HASHES),
        locators=draw(HASHES),
        next_keys=tuple(draw(st.lists(st.text(max_size=8), unique=True, max_size=3))),
        final=draw(st.booleans()),
        sealer=draw(TEXTS),
        extensions=tuple(
            Extension(key, draw(st.binary(max_size=8)))
            for key in sorted(
                draw(st.sets(st.text(max_size=5).filter(lambda key: not key.startswith("!")), max_size=3))
            )
        ),
    )


@given(headers())
def test_round_trip_as_fastavro_reads_it(header: Header) -> None:
    data = header.format()
    assert Header.parse(data) == header
    read: Any = fastavro.schemaless_reader(BytesIO(data), parsed_schema("block_header"), None)
    assert (read["version"], read["origin"], read["count"]) == (1, str(header.origin), header.count)
    assert [Gap(**gap) for gap in read["gaps"]] == list(header.gaps)


@given(headers(), st.data())
def test_a_changed_byte_is_refused_or_another_header(header: Header, data: st.DataObject) -> None:
    encoded = header.format()
    changed = flipped(encoded, data.draw(st.integers(0, len(encoded) - 1)), data.draw(st.integers(1, 255)))
    other = read_or_refuse(Header.parse, changed)
    assert other != header
    assert other is None or other.format() == changed


@given(st.data())
def test_a_block_with_bytes_changed_inserted_or_dropped(data: st.DataObject) -> None:
    """Nothing but a refusal in printable words, or another block whose bytes these are."""
    start = data.draw(st.integers(0, len(BLOCK_DATA)))
    end = data.draw(st.integers(start, min(start + 8, len(BLOCK_DATA))))
    changed = BLOCK_DATA[:start] + data.draw(st.binary(max_size=8)) + BLOCK_DATA[end:]
    block = read_or_refuse(Block.parse, changed)
    assert block is None or block.format() == changed


@given(st.binary(max_size=200), st.binary(max_size=120), st.binary(max_size=120), st.binary(max_size=120))
def test_a_wrapper_with_anything_in_it(header: bytes, frontier: bytes, checkpoint: bytes, locators: bytes) -> None:
    container = Container(header, frontier, checkpoint, locators, ())
    assert Container.parse(container.format()) == container
    read_or_refuse(Block.parse, container.format())


LINES = st.builds(
    NoteSignature,
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"], exclude_characters="+"), min_size=1, max_size=10),
    st.binary(min_size=4, max_size=4),
    st.binary(min_size=1, max_size=80),
)
NOTE_TEXTS = st.text(st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n"), min_size=1).map(
    lambda text: text + "\n"
)


@given(NOTE_TEXTS, st.lists(LINES, min_size=1, max_size=4))
def test_a_note_survives_its_encoding(text: str, lines: list[NoteSignature]) -> None:
    note = Note(text, tuple(lines))
    assert Note.parse(note.format()) == note


@given(st.binary(max_size=80) | NOTE_TEXTS.map(str.encode))
def test_whatever_is_read_as_a_note_has_this_one_encoding(data: bytes) -> None:
    for whole in (data, data + b"\n" + "— name AAAAAAAA\n".encode()):
        note = read_or_refuse(Note.parse, whole)
        assert note is None or note.format() == whole


@given(st.text())
def test_an_origin_has_one_spelling(text: str) -> None:
    origin = read_or_refuse(lambda data: Origin.parse(data.decode()), text.encode(errors="replace"))
    assert origin is None or str(origin) == text
