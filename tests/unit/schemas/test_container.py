"""A block's file has one spelling: every byte of the wrapper is fixed or part of a value."""

from base64 import b64encode
from hashlib import sha256
from io import BytesIO
from typing import Any

import fastavro
import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.container import Chunk, Container, payload_digest
from auditseal_schemas.errors import MalformedError
from auditseal_schemas.limits import MAX_OBJECT_BYTES, MAX_RECORDS
from auditseal_schemas.schema import schema_text
from auditseal_schemas.varint import encode_long
from tests.factory.blocks import chain, flipped

BLOCKS, _ = chain(3, 2)
BLOCK = BLOCKS[1]
DATA = BLOCK.format()
CONTAINER = Container.parse(DATA)
SYNC = CONTAINER.sync
META = (
    "avro.schema",
    "avro.codec",
    "auditseal.header",
    "auditseal.frontier",
    "auditseal.checkpoint",
    "auditseal.locators",
)
VALUES = (
    schema_text("sealed_record"),
    b"deflate",
    b64encode(CONTAINER.header),
    b64encode(CONTAINER.frontier),
    CONTAINER.checkpoint,
    b64encode(CONTAINER.locators),
)
PAIRS = tuple(zip(META, VALUES, strict=True))


def text(value: bytes) -> bytes:
    return encode_long(len(value)) + value


def built(
    pairs: Any = PAIRS,
    *,
    magic: bytes = b"Obj\x01",
    count: bytes | None = None,
    end: bytes = b"\x00",
    tail: bytes = b"",
) -> bytes:
    """Build the file by hand, from the Avro specification."""
    body = b"".join(text(key.encode()) + text(value) for key, value in pairs)
    chunks = b"".join(encode_long(chunk.count) + text(chunk.deflated) + SYNC for chunk in CONTAINER.chunks)
    return magic + (count or encode_long(len(pairs))) + body + end + SYNC + chunks + tail


def with_value(key: str, value: bytes) -> list[tuple[str, bytes]]:
    return [(name, value if name == key else old) for name, old in PAIRS]


def refuse(data: bytes) -> MalformedError:
    with pytest.raises(MalformedError) as caught:
        Container.parse(data)
    assert str(caught.value).isprintable()
    return caught.value


def test_the_file_is_what_the_specification_says() -> None:
    assert built() == DATA == CONTAINER.format()
    assert sha256(CONTAINER.header).digest()[:16] == SYNC


def test_fastavro_reads_it() -> None:
    reader: Any = fastavro.reader(BytesIO(DATA))
    assert [record["offset"] for record in reader] == [3, 4]
    assert set(reader.metadata) == set(META)


def test_every_changed_byte_is_refused_or_changes_the_value() -> None:
    read = 0
    for position in range(len(DATA)):
        for mask in (1, 0x20, 0x80):
            changed = flipped(DATA, position, mask)
            try:
                other = Container.parse(changed)
            except MalformedError:
                continue
            read += 1
            assert other != CONTAINER
            assert other.format() == changed
    assert read > 100


def test_every_changed_byte_is_seen_by_the_block_too() -> None:
    for position in range(len(DATA)):
        try:
            other = Block.parse(flipped(DATA, position))
        except MalformedError as error:
            words = str(error)
            assert words.isprintable()
            continue
        assert other != BLOCK
        assert other.format() == flipped(DATA, position)


def test_a_file_cut_anywhere_but_between_data_blocks_is_refused() -> None:
    """There the payload's digest, not the wrapper, shows that something is gone."""
    start = len(DATA) - sum(len(chunk.prefix) + len(chunk.deflated) + 16 for chunk in CONTAINER.chunks)
    for length in range(len(DATA)):
        if length == start:
            assert payload_digest(Container.parse(DATA[:length]).chunks) != BLOCK.header.payload
        else:
            refuse(DATA[:length])


@pytest.mark.parametrize("tail", [b"\x00", b"\n", SYNC, b"\x00\x00" + SYNC, DATA], ids=len)
def test_nothing_follows(tail: bytes) -> None:
    refuse(built(tail=tail))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"Obj",
        built(magic=b"Obj\x02"),
        built(magic=b"\x00Obj"),
        built(PAIRS[:-1]),
        built((*PAIRS, ("extra", b""))),
        built((*PAIRS, PAIRS[0])),
        built((PAIRS[1], PAIRS[0], *PAIRS[2:])),
        built((PAIRS[0], PAIRS[0], *PAIRS[2:])),
        built(((PAIRS[0][0].upper(), PAIRS[0][1]), *PAIRS[1:])),
        built(count=b"\x8c\x00"),
        built(count=encode_long(-6) + encode_long(sum(len(text(k.encode()) + text(v)) for k, v in PAIRS))),
        built(PAIRS[:3], end=encode_long(3) + b"".join(text(k.encode()) + text(v) for k, v in PAIRS[3:]) + b"\x00"),
        built(end=b"\x02" + text(b"extra") + text(b"") + b"\x00"),
        built(end=b"\x80\x00"),
        built(with_value("avro.schema", schema_text("sealed_record") + b"\n")),
        built(with_value("avro.schema", schema_text("sealed_record").replace(b'"key"', b'"value"'))),
        built(with_value("avro.codec", b"null")),
        built(with_value("avro.codec", b"")),
        built(with_value("auditseal.header", b64encode(CONTAINER.header)[:-1])),
        built(with_value("auditseal.header", b64encode(CONTAINER.header) + b"\n")),
        built(with_value("auditseal.header", CONTAINER.header)),
        built(with_value("auditseal.header", b64encode(CONTAINER.header + b"\x00"))),
        built(with_value("auditseal.frontier", b"AB==")),
        built(with_value("auditseal.locators", b"-_==")),
        built(with_value("auditseal.locators", "ä".encode())),
        DATA.replace(SYNC, bytes(16)),
        DATA.replace(SYNC, bytes(16), 1),
    ],
    ids=range(28),
)
def test_no_other_wrapper_is_read(data: bytes) -> None:
    assert refuse(data).field.startswith(("container", "length", "long"))


def test_a_data_block_holds_records() -> None:
    refuse(built(tail=b"\x00" + text(b"x") + SYNC))
    refuse(built(tail=b"\x01" + text(b"x") + SYNC))


def test_an_object_has_a_greatest_length() -> None:
    assert refuse(DATA + bytes(MAX_OBJECT_BYTES + 1 - len(DATA))).problem.startswith("it exceeds")
    assert not refuse(DATA + bytes(MAX_OBJECT_BYTES - len(DATA))).problem.startswith("it exceeds")


def test_a_length_past_the_end_is_named_as_one() -> None:
    """The least that can be too much: one byte more than there is, and none of it the sync marker."""
    for body in (b"", b"x"):
        tail = encode_long(1) + encode_long(len(body) + 1) + body
        assert refuse(built(tail=tail)).problem.endswith("run past its end")
    assert refuse(built(tail=encode_long(1) + encode_long(1) + b"x")).field == "container.sync"


def test_no_more_records_are_promised_than_a_block_may_hold() -> None:
    """Else 12 MiB could be 700,000 data blocks of one record each, or a loop over 2**62."""
    before = sum(chunk.count for chunk in CONTAINER.chunks)
    last = encode_long(MAX_RECORDS - before) + text(b"x") + SYNC
    assert sum(chunk.count for chunk in Container.parse(built(tail=last)).chunks) == MAX_RECORDS
    for count in (MAX_RECORDS - before + 1, 2**62):
        assert "65536" in refuse(built(tail=encode_long(count) + text(b"x") + SYNC)).problem


def test_the_payload_commits_to_counts_sizes_and_bytes() -> None:
    one, two = Chunk(1, b"one"), Chunk(2, b"two")
    assert payload_digest([]) == sha256(b"").digest()
    assert payload_digest([one, two]) == sha256(b"\x02\x06one\x04\x06two").digest()
    assert len({payload_digest(chunks) for chunks in ([one, two], [two, one], [one], [Chunk(2, b"one"), two])}) == 4


def test_a_frontier_of_another_size_is_refused() -> None:
    longer = Container(
        CONTAINER.header, CONTAINER.frontier * 2, CONTAINER.checkpoint, CONTAINER.locators, CONTAINER.chunks
    )
    with pytest.raises(MalformedError, match="frontier"):
        Block.parse(longer.format())
