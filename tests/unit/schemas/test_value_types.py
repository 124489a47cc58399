"""The core's value types can't be changed once checked, and hold nothing but their fields."""

from dataclasses import FrozenInstanceError
from pkgutil import iter_modules

import pytest

import auditseal_schemas
from tests.factory.value_types import blank, field_names, value_types

MODULES = [module.name for module in iter_modules(auditseal_schemas.__path__)]
WITH_CACHE = {"Block", "Header", "Origin", "IndexSegment"}
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
    assert {"Block", "Contents", "Header", "Step", "Trust"} < {kind.__name__ for kind in VALUES}
    assert len(VALUES) >= 39
