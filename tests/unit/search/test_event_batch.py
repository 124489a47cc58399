"""Values decoded by columns are those that the strict decoder gives, field by field, and the same ones are refused."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditseal.demo.services import SERVICES
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_codec import encode_event
from auditseal_schemas.event_parts import Source, Stream
from auditseal_search import event_batch
from auditseal_search.columns import NO_VALUE, UNDECODABLE
from auditseal_search.event_batch import decode_values

START = datetime(2026, 11, 21, tzinfo=UTC)


def demo_events(count: int) -> list[bytes]:
    """Varied events, as the demo's services publish them."""
    made = []
    for service in SERVICES.values():
        for number, fields in enumerate(service.events(count // len(SERVICES), seed=7)):
            event = AuditEvent(
                event_id=f"01900000-0000-7000-8000-{len(made):012x}",
                occurred_at=START + timedelta(milliseconds=number),
                source=Source(service=service.name, environment="test"),
                stream=Stream(f"s-{service.name}", number),
                **fields,
            )
            made.append(encode_event(event))
    return made


EVENTS = demo_events(500)


def decoded(values: Sequence[bytes | None]) -> pa.Table:
    """The rows of values, from one buffer."""
    ends = np.cumsum([len(value or b"") for value in values])
    starts = np.concatenate([[0], ends[:-1]]).astype(np.int64)
    present = np.array([value is not None for value in values], np.bool_)
    return decode_values(b"".join(value or b"" for value in values), starts, ends, present)


def strictly(values: list[bytes | None]) -> pa.Table:
    return event_batch._one_by_one(values)


def test_what_the_demo_publishes_is_decoded_by_columns_and_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = strictly(list(EVENTS))
    monkeypatch.delattr(event_batch, "_one_by_one")
    assert decoded(EVENTS).equals(wanted)
    assert wanted["problem"].null_count == len(EVENTS)


def test_a_value_that_is_not_an_event_is_a_row_with_its_problem() -> None:
    values = [*EVENTS[:40], None, b"", b"\xc3\x01 neither", EVENTS[0] + b"\0", *EVENTS[40:80]]
    rows = decoded(values)
    assert rows.equals(strictly(values))
    problems = rows["problem"].to_pylist()
    assert problems == [None] * 40 + [NO_VALUE, UNDECODABLE, UNDECODABLE, UNDECODABLE] + [None] * 40


def mutated(data: bytes, dice: random.Random) -> bytes:
    changed, at = bytearray(data), dice.randrange(len(data))
    match dice.randrange(4):
        case 0:
            changed[at] ^= 1 << dice.randrange(8)
        case 1:
            del changed[at]
        case 2:
            changed.insert(at, dice.randrange(256))
        case _:
            del changed[at:]
    return bytes(changed)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32))
def test_mutants_are_taken_and_refused_as_by_the_strict_decoder(seed: int) -> None:
    dice = random.Random(seed)
    # Each by itself among copies of itself, so that the columns have to decide about it.
    for value in [mutated(event, dice) for event in dice.sample(EVENTS, 5)]:
        copies: list[bytes | None] = [value] * (event_batch._FEW + 1)
        assert decoded(copies).equals(strictly(copies))
    batch: list[bytes | None] = [mutated(event, dice) if dice.random() < 0.05 else event for event in EVENTS[:200]]
    assert decoded(batch).equals(strictly(batch))


def spliced(event: bytes, old: bytes, new: bytes) -> bytes:
    assert event.count(old) == 1
    return event.replace(old, new)


GRANTED = next(event for event in EVENTS if b"rbac-2026-10" in event)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(GRANTED.replace(b"\x02\x01\x02", b"\x02\x07\x02", 1), id="a boolean that is neither 0 nor 1"),
        pytest.param(spliced(EVENTS[-1], b"\x08rows", b"\x08abcd"), id="attributes out of order"),
        pytest.param(spliced(EVENTS[-1], b"\x08test", b"\x88\x00test"), id="a padded length"),
        pytest.param(spliced(EVENTS[-1], b"\x08test", b"\x08t\xffst"), id="a text that is not UTF-8"),
        pytest.param(spliced(EVENTS[-1], b"\x08test", b"\x00"), id="an empty environment"),
    ],
)
def test_spellings_that_a_lenient_decoder_takes_are_refused(value: bytes) -> None:
    copies: list[bytes | None] = [value] * (event_batch._FEW + 1)
    rows = decoded(copies)
    assert rows["problem"].to_pylist() == [UNDECODABLE] * len(copies)
