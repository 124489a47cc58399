"""The core's value types can't be changed once checked, and hold nothing but their fields."""

from dataclasses import FrozenInstanceError

import pytest

from tests.factory.value_types import blank, field_names, value_types

MODULES = (
    "block", "checkpoint", "container", "block_draft", "event", "event_parts", "header", "key", "log", "merkle", "note",
    "origin", "record", "trust", "term", "term_tree", "index_segment", "segment_proof", "completeness_proof",
    "index_fraud",
)  # fmt: skip
WITH_CACHE = {"Block", "Origin", "IndexSegment"}
"""Types whose properties are worked out once, which needs a place to keep them."""

VALUES = value_types("auditseal_schemas", MODULES)


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_a_value_keeps_its_fields(kind: type) -> None:
    value = blank(kind)
    for name in field_names(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, 1)


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_a_value_holds_nothing_else(kind: type) -> None:
    assert hasattr(blank(kind), "__dict__") == (kind.__name__ in WITH_CACHE)


def test_all_of_them_are_looked_at() -> None:
    assert len(VALUES) == 39
