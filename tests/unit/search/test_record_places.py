"""The places of records are those that the core's parser finds, whatever is sealed with the values."""

from collections.abc import Sequence

import pytest

from auditseal_schemas.block import Block
from auditseal_schemas.block_draft import BlockDraft, BlockLimits, SourceIdentity
from auditseal_schemas.event_codec import EVENT_PREFIXES
from auditseal_schemas.log import LogState
from auditseal_schemas.varint import encode_long
from auditseal_search import record_places
from auditseal_search.record_places import find_records
from tests.factory.keys import keys_of, signing_key
from tests.factory.messages import Message
from tests.unit.search.test_event_batch import demo_events
from tests.unit.search.test_search_command import LOG

EVENTS = demo_events(120)
(PREFIX,) = EVENT_PREFIXES
HEADERS = [("traceparent", b"00-ab"), ("empty", None)]


def sealed(messages: Sequence[Message]) -> Block:
    key = signing_key("search")
    draft = BlockDraft(LogState.genesis(LOG, keys_of(LOG, key)), BlockLimits())
    assert draft.extend(messages) == len(messages)
    return draft.seal(SourceIdentity("cluster", "topic", 1, 0), [key], now=1, sealer="test/1")


def of_events(**parts: object) -> list[Message]:
    given = {"key_bytes": b"user/x"} | parts
    return [Message(number, value, **given) for number, value in enumerate(EVENTS)]  # type: ignore[arg-type]


def assert_as_the_core_reads(block: Block) -> None:
    found, records = find_records([block]), list(block.records())
    values = [found.data[start:end] for start, end in zip(found.starts, found.ends, strict=True)]
    assert [value if there else None for value, there in zip(values, found.present, strict=True)] == [
        record.value for record in records
    ]
    assert found.offsets.tolist() == [record.offset for record in records]
    assert found.timestamps.tolist() == [record.timestamp for record in records]
    assert found.oversize.tolist() == [record.oversize is not None for record in records]
    assert found.sizes.to_pylist() == [None if record.value is None else len(record.value) for record in records]


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param(of_events(), id="plain"),
        pytest.param(of_events(key_bytes=None), id="no key"),
        pytest.param(of_events(key_bytes=b"k" * 9000, header_list=HEADERS), id="a long key, and headers"),
        pytest.param(of_events(ms=-1), id="no time"),
    ],
)
def test_events_are_found_all_at_once(messages: list[Message], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(record_places, "_one_by_one")
    assert_as_the_core_reads(sealed(messages))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(None, id="no value"),
        pytest.param(b"", id="an empty value"),
        pytest.param(b"\xc3\x01 something else", id="no event"),
        pytest.param(PREFIX + PREFIX, id="two beginnings of events in one value"),
        pytest.param(b"\x00\x00\x02\x02\x00" + EVENTS[0], id="an event behind other bytes"),
        pytest.param(b"x" * (9 << 20), id="oversize"),
    ],
)
def test_one_other_record_among_events_changes_no_place(value: bytes | None) -> None:
    messages = of_events()
    messages[60] = Message(60, value, b"user/x")
    assert_as_the_core_reads(sealed(messages))


def test_a_value_can_not_move_the_places_of_others() -> None:
    # One value lacks the beginning of an event and the next has two: the count is right and the places are not.
    messages = of_events(key_bytes=None)
    messages[60] = Message(60, b"z" + EVENTS[60][1:], None)
    messages[61] = Message(61, EVENTS[61] + b"\x02" + encode_long(len(EVENTS[60])) + EVENTS[60], None)
    assert_as_the_core_reads(sealed(messages))
