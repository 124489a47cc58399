"""The core's value types can't be changed once checked, and hold nothing but their fields."""

from dataclasses import FrozenInstanceError, fields, is_dataclass
from importlib import import_module
from inspect import getmembers, isclass

import pytest

MODULES = (
    "block", "checkpoint", "container", "draft", "event", "event_parts", "header", "key", "log", "merkle", "note",
    "origin", "record", "trust",
)  # fmt: skip
WITH_CACHE = {"Block", "Origin"}
"""Types whose properties are worked out once, which needs a place to keep them."""

VALUES = [
    value
    for module in (import_module(f"auditseal_schemas.{name}") for name in MODULES)
    for _, value in getmembers(module, isclass)
    if is_dataclass(value) and value.__module__ == module.__name__ and not value.__name__.startswith("_")
]


def unchecked(kind: type) -> object:
    """Return a value of a type without its checks, which are other tests' business."""
    value = object.__new__(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        object.__setattr__(value, field.name, None)
    return value


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_a_value_keeps_its_fields(kind: type) -> None:
    value = unchecked(kind)
    for field in fields(kind):  # type: ignore[arg-type]
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, 1)


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_a_value_holds_nothing_else(kind: type) -> None:
    assert hasattr(unchecked(kind), "__dict__") == (kind.__name__ in WITH_CACHE)


def test_all_of_them_are_looked_at() -> None:
    assert len(VALUES) == 25
