"""An origin has one spelling, and nothing that a path, a note or a terminal could stumble over."""

from hashlib import sha256

import pytest

from auditseal_schemas.errors import MalformedError
from auditseal_schemas.origin import Origin


@pytest.mark.parametrize(
    "text",
    [
        "audit.example.com/audit.events/3/0",
        "a/b/0/0",
        "-/_/999999999/999999999",
        "..a/...b/1/1",
        "c" * 125 + "/" + "T" * 125 + "/0/0",
    ],
)
def test_an_origin_is_what_it_was_parsed_from(text: str) -> None:
    assert str(Origin.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a/b/0",
        "a/b/0/0/0",
        "a/b/0/0\n",
        "/b/0/0",
        "a//0/0",
        "a/b//0",
        "a/b/00/0",
        "a/b/0/01",
        "a/b/+1/0",
        "a/b/-1/0",
        "a/b/1_0/0",
        "a/b/ 1/0",
        "a/b/\u0663/0",
        "a/b/1000000000/0",
        "a/b/0/1000000000",
        "A/b/0/0",
        "a_/b/0/0",
        "ä/b/0/0",
        "./b/0/0",
        "../b/0/0",
        "a/./0/0",
        "a/../0/0",
        "a/b+c/0/0",
        "a/b c/0/0",
        "a/b\x1b[31m/0/0",
        "a\n/b/0/0",
        "c" * 126 + "/" + "T" * 125 + "/0/0",
        "C" * 60_000 + "/b/0/0",
    ],
    ids=lambda text: ascii(text[:30]),
)
def test_anything_else_is_refused_in_printable_words(text: str) -> None:
    with pytest.raises(MalformedError) as caught:
        Origin.parse(text)
    assert caught.value.field == "origin"
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize(("partition", "run"), [(-1, 0), (0, -1), (10**9, 0), (0, 10**9)])
def test_an_origin_made_of_parts_is_checked_as_one_parsed(partition: int, run: int) -> None:
    with pytest.raises(MalformedError, match="partition and run"):
        Origin("a", "b", partition, run)


def test_genesis_link_and_object_keys() -> None:
    origin = Origin("audit.example.com", "audit.events", 3, 1)
    assert origin.genesis_link == sha256(b"auditseal/v1\naudit.example.com/audit.events/3/1\n").digest()
    assert origin.blocks_prefix == "v1/audit.example.com/audit.events/3/1/blocks/"
    assert origin.block_key(0) == "v1/audit.example.com/audit.events/3/1/blocks/000000000000.avro"
    assert origin.block_key(10**12 - 1).endswith("/999999999999.avro")
    assert len({Origin("a", "b", 0, run).genesis_link for run in range(3)}) == 3
