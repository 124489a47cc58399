"""The weakenings: each changes the code as it is, and the tool tells one that is noticed from one that is not."""

import re
from dataclasses import replace

import pytest

from auditseal_schemas.verification import STEPS
from tests.mutation.trial import survives, warm_up
from tests.weaken.__main__ import JUDGES
from tests.weaken.rules import RULES
from tests.weaken.weakening import Weakening

EACH = [pytest.param(one, id=f"{one.section}: {one.rule}") for one in RULES]


@pytest.mark.parametrize("weakening", EACH)
def test_it_changes_the_source_into_another_program(weakening: Weakening) -> None:
    original = weakening.path.read_text("utf-8")
    assert weakening.source != original
    assert compile(weakening.source, weakening.module, "exec").co_code
    assert weakening.rule


def test_no_rule_is_there_twice() -> None:
    assert len({(one.module, one.rule) for one in RULES}) == len(RULES)


def test_each_section_with_rules_and_each_step_but_parsing_has_some() -> None:
    assert {one.section for one in RULES} == {1, 2, 4, 5, 6, 7, 8, 11, 13, 14}
    named = {int(number) for one in RULES for number in re.findall(r"^step (\d+)", one.rule)}
    assert named | {1, 4} == {step.number for step in STEPS}  # these two are the rules of sections 6, 7, 8 and 11


def test_a_rule_that_is_left_out_is_noticed_and_a_source_as_it_is_is_not() -> None:
    (step,) = (one for one in RULES if one.rule == "step 14")
    warm_up(JUDGES)
    assert not survives(step.module, step.path, step.source, JUDGES, 60)
    same = replace(step, changes=(("", ""),))
    assert survives(same.module, same.path, step.path.read_text("utf-8"), JUDGES, 60)
