"""The auditor's value types can't be changed once made, and hold nothing but their fields."""

from dataclasses import FrozenInstanceError
from inspect import Parameter, signature

import pytest

from auditseal_auditor.findings import Finding
from tests.factory.value_types import blank, field_names, value_types

MODULES = (
    "blocks.prover", "blocks.single_block", "comparison", "findings", "listing", "log_check", "log_progress",
    "object_check", "report", "request", "state.heads", "verification",
)  # fmt: skip


COUNTS = {"Counts"}


"""Values that change while a log is checked."""


VALUES = value_types("auditseal_auditor", MODULES)


@pytest.mark.parametrize(
    "kind", [kind for kind in VALUES if kind.__name__ not in COUNTS], ids=lambda kind: kind.__name__
)
def test_a_value_keeps_its_fields(kind: type) -> None:
    value = blank(kind)
    for name in field_names(kind):
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, 1)


@pytest.mark.parametrize("kind", VALUES, ids=lambda kind: kind.__name__)
def test_a_value_holds_nothing_else(kind: type) -> None:
    assert not hasattr(blank(kind), "__dict__")


def test_all_of_them_are_looked_at() -> None:
    assert len(VALUES) == 17


def test_the_parts_of_a_finding_are_named() -> None:
    """Five of them are text: in their order nobody would notice two that were mixed up."""
    assert {part.kind for part in signature(Finding).parameters.values()} == {Parameter.KEYWORD_ONLY}
