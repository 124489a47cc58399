"""An event is read once: what is checked is what is encoded, whatever code its values bring along."""

import copy
import dataclasses
import pickle
from collections.abc import ItemsView, Iterator, Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest

from auditseal_schemas.errors import EventError
from auditseal_schemas.event import AuditEvent
from auditseal_schemas.event_attributes import NO_ATTRIBUTES, Attributes
from auditseal_schemas.event_codec import MAX_EVENT_BYTES, decode_event, encode_event, encode_unnumbered
from auditseal_schemas.event_key import event_key
from auditseal_schemas.event_parts import Actor, Change, Outcome, Reason, Resource, Source, Stream

FIELDS: dict[str, Any] = {
    "event_id": "01a220ac-84f7-7730-a3fa-b263496b08bd",
    "occurred_at": datetime(2026, 11, 28, tzinfo=UTC),
    "source": Source(service="billing", environment="test"),
    "stream": Stream("s", 7),
    "actor": Actor("user", "u-1"),
    "action": "approve",
    "resources": [Resource("invoice", "1")],
    "outcome": Outcome.SUCCESS,
}
EVENT = AuditEvent(**FIELDS)


class Kind(str, Enum):  # noqa: UP042  (a StrEnum formats itself as its text)
    """Texts as an enum: formats itself as `Kind.USER` in some versions of Python."""

    USER = "user"


class Liar(str):
    """A text that says something else by each of its methods."""

    __slots__ = ()

    def encode(self, *_: object) -> bytes:  # type: ignore[override]
        return b"something else"

    def isascii(self) -> bool:
        return True

    def __len__(self) -> int:
        return 1

    def __lt__(self, _: object) -> bool:
        return False

    def __str__(self) -> str:
        return "something else"

    def __format__(self, _: str) -> str:
        return "something else"


class Changing(Mapping[str, str]):
    """A mapping with other items each time."""

    def __init__(self, *answers: list[tuple[str, str]]) -> None:
        self.answers = list(answers)

    def items(self) -> ItemsView[str, str]:
        return self.answers.pop(0)  # type: ignore[return-value]

    def __getitem__(self, key: str) -> str:
        raise AssertionError("items() is all that is asked for")

    def __iter__(self) -> Iterator[str]:
        raise AssertionError("items() is all that is asked for")

    def __len__(self) -> int:
        return 1


def made(**changed: Any) -> AuditEvent:
    return AuditEvent(**FIELDS | changed)


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ({"action": Liar("approve")}, {"action": "approve"}),
        ({"tenant": Liar("t")}, {"tenant": "t"}),
        ({"actor": Actor(Kind.USER, Liar("u-1"))}, {}),
        ({"attributes": {Liar("b"): Liar("2"), Liar("a"): "1"}}, {"attributes": {"a": "1", "b": "2"}}),
        ({"attributes": Changing([("a", "1")], [("b", "2")])}, {"attributes": {"a": "1"}}),
        ({"changes": (change for change in [Change("f")])}, {"changes": [Change("f")]}),
        ({"resources": iter([Resource("invoice", "1")])}, {}),
    ],
)
def test_values_with_code_of_their_own_are_encoded_as_plain_ones(odd: dict[str, Any], plain: dict[str, Any]) -> None:
    event = made(**odd)
    assert encode_event(event) == encode_event(event) == encode_event(made(**plain))
    assert decode_event(encode_event(event)) == made(**plain)
    assert event_key(event.tenant, event.actor) == event_key(made(**plain).tenant, EVENT.actor)


@pytest.mark.parametrize("wrong", [Liar("x" * 300_000), Liar("\ud800"), Liar("")])
def test_a_text_can_t_lie_its_way_past_the_limits(wrong: str) -> None:
    with pytest.raises(EventError, match="action"):
        made(action=wrong)
    with pytest.raises(EventError, match="attributes"):
        made(attributes={wrong: "1"})


class Unchecked(Actor):
    """A subclass that checks nothing."""

    def __post_init__(self) -> None:
        pass


class Weak(Resource):
    def __post_init__(self) -> None:
        pass


class Empty(Reason):
    def __post_init__(self) -> None:
        pass


def test_a_subclass_of_a_part_is_made_a_plain_part_and_checked() -> None:
    event = made(actor=Unchecked("user", "u-1"), resources=[Weak("invoice", "1")])
    assert (type(event.actor), type(event.resources[0])) == (Actor, Resource)
    assert event == EVENT
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"actor": Unchecked("", "u-1")}, "actor.type: must not be empty"),
        ({"resources": [Weak("invoice", "")]}, "must not be empty"),
        ({"reason": Empty()}, "needs a code or a text"),
    ]
    for fields, problem in wrong:
        with pytest.raises(EventError, match=problem):
            made(**fields)


def test_what_has_no_end_is_refused() -> None:
    def endless() -> Iterator[Any]:
        while True:
            yield Change("f")

    with pytest.raises(EventError, match="changes: has more than 1000 items"):
        made(changes=endless())
    with pytest.raises(EventError, match="attributes: has more than 1000 items"):
        made(attributes=Changing((str(number), "") for number in iter(int, 1)))  # type: ignore[arg-type]


def test_a_key_that_comes_twice_is_refused() -> None:
    with pytest.raises(EventError, match="attributes: has a key twice"):
        made(attributes=Changing([("a", "1"), ("a", "2")]))


def test_an_event_encodes_around_its_number() -> None:
    unnumbered = encode_unnumbered(EVENT)
    for number in (0, 7, 1 << 40):
        assert unnumbered.numbered(number) == encode_event(made(stream=Stream("s", number)))
    # A text of another length changes nothing but itself: the padding makes the event as large as may be.
    size = len(encode_event(made(attributes={str(n): "x" * 250_000 for n in range(3)} | {"3": "x" * 200_000})))
    fitting = made(
        attributes={str(n): "x" * 250_000 for n in range(3)} | {"3": "x" * (200_000 + MAX_EVENT_BYTES - size)}
    )
    assert len(encode_event(fitting)) == MAX_EVENT_BYTES
    with pytest.raises(EventError, match="takes 1000001 bytes"):  # 64 takes two bytes
        encode_unnumbered(fitting).numbered(64)


@pytest.mark.parametrize("event", [EVENT, made(attributes={"a": "1"}, changes=[Change("f")], reason=Reason("r"))])
def test_events_can_be_pickled_and_copied(event: AuditEvent) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        assert pickle.loads(pickle.dumps(event, protocol)) == event
    for twin in (copy.copy(event), copy.deepcopy(event), dataclasses.replace(event)):
        assert twin == event
        assert encode_event(twin) == encode_event(event)
    assert dataclasses.asdict(event)["attributes"] == event.attributes


def test_attributes_are_a_mapping_that_nothing_changes() -> None:
    attributes = Attributes({"b": "2", "a": "1"})
    assert (list(attributes), attributes["b"], len(attributes), "c" in attributes) == (["a", "b"], "2", 2, False)
    assert attributes == {"a": "1", "b": "2"}
    assert repr(attributes) == "{'a': '1', 'b': '2'}"
    assert not NO_ATTRIBUTES
    with pytest.raises(TypeError):
        attributes["c"] = "3"  # type: ignore[index]
