"""docs/reference/format.md says what the code does: its schemas, its limits, and its worked example made again."""

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.limits import (
    MAX_BLOCK_BYTES,
    MAX_CHUNK_BYTES,
    MAX_CONTENT_BYTES,
    MAX_EXTENSIONS,
    MAX_GAPS,
    MAX_HEADER_BYTES,
    MAX_HEIGHT,
    MAX_KEYS,
    MAX_NOTE_BYTES,
    MAX_NOTE_SIGNATURES,
    MAX_OBJECT_BYTES,
    MAX_RECORDS,
)
from auditseal_schemas.log import LogState
from auditseal_schemas.record import next_link
from auditseal_schemas.schema import schema_text
from auditseal_schemas.trust import Trust
from auditseal_schemas.verdict import Verdict
from auditseal_schemas.verification import RECORDS, verify
from tests.oracle.reader import read_block
from tests.oracle.verifier import Log
from tests.vectors.example import MESSAGES, ORIGIN, example_block, example_blocks

PAGE = (Path(__file__).parents[3] / "docs" / "reference" / "format.md").read_text(encoding="utf-8")
FENCES = {
    (kind, name): body
    for kind, name, body in re.findall(r"^```(\w+) (\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
}


def shown(name: str) -> bytes:
    """Return the bytes that the page shows under a name; in an object a line may name other bytes of the page."""
    data = b""
    for line in FENCES["hex", name].splitlines():
        word = line.split(";")[0].strip()
        part = re.sub(r"_\d$", "", word)
        if part in {"header", "frontier", "locators"}:
            data += b64encode(shown(word))
        elif part == "data_block":
            data += shown(word)
        elif part == "checkpoint":
            data += FENCES["text", word].encode()
        elif part == "avsc":
            data += FENCES["avsc", "sealed_record"].rstrip("\n").encode()
        else:
            data += bytes.fromhex(word)
    return data


def trust() -> Trust:
    return Trust.parse(FENCES["text", "trust"].encode())


@pytest.mark.parametrize("name", ["sealed_record", "block_header"])
def test_the_schemas_on_the_page_are_those_of_the_package(name: str) -> None:
    assert FENCES["avsc", name].encode() == schema_text(name) + b"\n"


def test_the_core_makes_the_objects_bytes_that_the_page_shows() -> None:
    assert example_block().format() == shown("object")
    assert shown("object_sha256") == sha256(shown("object")).digest()


def test_the_core_makes_every_part_that_the_page_shows() -> None:
    block = example_block()
    first, second = block.encoded_records()
    link = next_link(ORIGIN.genesis_link, first)
    (chunk,) = block.chunks
    made = {
        "genesis_link": ORIGIN.genesis_link,
        "record_0": first,
        "record_1": second,
        "link_0": link,
        "link_1": next_link(link, second),
        "locators": block.locators,
        "events_root": block.header.events_root,
        "data_block": chunk.prefix + chunk.deflated,
        "header": block.header.format(),
        "leaf": block.leaf,
    }
    assert {name: shown(name).hex() for name in made} == {name: data.hex() for name, data in made.items()}


def test_the_formulas_on_the_page_give_what_it_shows() -> None:
    assert shown("genesis_link") == sha256(b"auditseal/v1\na.example/t/0/0\n").digest()
    assert shown("link_0") == sha256(b"\x00" + shown("genesis_link") + shown("record_0")).digest()
    assert shown("link_1") == sha256(b"\x00" + shown("link_0") + shown("record_1")).digest()
    assert shown("locators") == shown("link_0")[:2] + shown("link_1")[:2]
    assert shown("events_root") == sha256(b"\x01" + shown("link_0") + shown("link_1")).digest()
    assert shown("leaf") == sha256(b"\x00" + shown("header")).digest()
    for committed in ("data_block", "locators"):
        assert sha256(shown(committed)).digest() in shown("header")
    assert FENCES["text", "checkpoint"].startswith(f"{ORIGIN}\n1\n{b64encode(shown('leaf')).decode()}\n\n— {ORIGIN} ")


def test_the_core_verifies_the_object_on_the_page() -> None:
    (pinned,) = trust().logs
    block = Block.parse(shown("object"))
    state = LogState.genesis(pinned.origin, pinned.keys).accept(block)
    verify(block, RECORDS)
    assert (state.height, state.next_offset) == (1, 3)
    assert [record.value for record in block.records()] == [message.content for message in MESSAGES]


def test_the_second_reader_verifies_the_object_on_the_page() -> None:
    (pinned,) = trust().logs
    log = Log(str(pinned.origin), [str(key) for key in pinned.keys])
    records = log.accept(read_block(shown("object")))
    assert [(record["offset"], record["timestamp"], record["key"], record["value"]) for record in records] == [
        (0, 1000, b"k", b"one"),
        (2, 999, None, b"two"),
    ]
    assert records[0]["headers"] == [{"key": "h", "value": b"v"}, {"key": "n", "value": None}]


def test_every_limit_and_every_verdict_stands_on_the_page() -> None:
    limits = (
        *(MAX_BLOCK_BYTES, MAX_CHUNK_BYTES, MAX_CONTENT_BYTES, MAX_CONTENT_BYTES + 64, MAX_GAPS, MAX_HEADER_BYTES),
        *(MAX_NOTE_BYTES, MAX_OBJECT_BYTES, MAX_RECORDS, MAX_KEYS, MAX_EXTENSIONS, MAX_NOTE_SIGNATURES),
    )
    missing = [limit for limit in limits if not re.search(rf"(?<![\d,]){limit:,}(?![\d,])", PAGE)]
    assert not missing
    assert str(MAX_HEIGHT) in PAGE
    assert [verdict for verdict in Verdict if verdict not in PAGE] == []


def test_every_part_of_the_later_blocks_is_made_again() -> None:
    zero, one, two, three = example_blocks()
    (record,) = three.encoded_records()
    (chunk,) = three.chunks
    made = {
        "header_1": one.header.format(),
        "leaf_1": one.leaf,
        "frontier_2": two.frontier.format(),
        "header_2": two.header.format(),
        "leaf_2": two.leaf,
        "record_2": record,
        "link_2": next_link(zero.header.last_link, record),
        "locators_3": three.locators,
        "data_block_3": chunk.prefix + chunk.deflated,
        "header_3": three.header.format(),
        "leaf_3": three.leaf,
        "frontier_3": three.frontier.format(),
        "root_4": three.next_frontier.root,
        "object_3": three.format(),
    }
    assert {name: shown(name).hex() for name in made} == {name: data.hex() for name, data in made.items()}
    assert shown("object_3_sha256") == sha256(shown("object_3")).digest()
    assert one.header.next_keys == (FENCES["text", "next_key"].strip(),)
    assert f"The object has {len(shown('object_3')):,} bytes." in PAGE


def test_the_formulas_of_the_later_blocks_give_what_the_page_shows() -> None:
    """By SHA-256 alone: the frontier grows as section 6 says, and the checkpoint's root is the tree's."""
    below = sha256(b"\x01" + shown("leaf") + shown("leaf_1")).digest()
    assert shown("frontier_2") == below
    assert shown("frontier_3") == below + shown("leaf_2")
    right = sha256(b"\x01" + shown("leaf_2") + shown("leaf_3")).digest()
    root = sha256(b"\x01" + below + right).digest()
    assert shown("root_4") == root
    assert shown("link_2") == sha256(b"\x00" + shown("link_1") + shown("record_2")).digest()
    for height in (1, 2, 3):
        assert shown(f"leaf_{height}") == sha256(b"\x00" + shown(f"header_{height}")).digest()
        before = shown("leaf" if height == 1 else f"leaf_{height - 1}")
        assert before in shown(f"header_{height}")
    assert FENCES["text", "checkpoint_3"].startswith(f"{ORIGIN}\n4\n{b64encode(root).decode()}\n\n— {ORIGIN} ")


def test_both_verifiers_follow_the_change_of_keys_to_the_object_on_the_page() -> None:
    (pinned,) = trust().logs
    state = LogState.genesis(pinned.origin, pinned.keys)
    log = Log(str(pinned.origin), [str(key) for key in pinned.keys])
    *before, last = example_blocks()
    for block in before:
        state = state.accept(block)
        log.accept(read_block(block.format()))
    assert state.accept(verify(shown("object_3"), RECORDS)).height == 4
    (record,) = log.accept(read_block(shown("object_3")))
    assert (record["offset"], record["value"]) == (3, b"three")
    assert last.format() == shown("object_3")


def test_every_step_of_the_pseudocode_is_one_of_the_table() -> None:
    (walk,) = re.findall(r"^```text\n(keys = .*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert 20 <= len(walk.splitlines()) <= 30
    assert {int(number) for number in re.findall(r"step[s]? (\d+)", walk)} == {1, 2, 6, 7, 9}
    assert set(re.findall(r"[A-Z]{2,}_?[A-Z]+", walk)) <= set(Verdict)
