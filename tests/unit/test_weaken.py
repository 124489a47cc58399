"""The weakenings of `make weaken`: each changes the code as it is, and a short slice of them is noticed."""

import re
import sys

import pytest

from auditseal_schemas.verification import STEPS
from tests.factory.programs import run_program
from tests.weaken.rules import RULES
from tests.weaken.weakening import Weakening

EACH = [pytest.param(one, id=f"{one.section}: {one.rule}") for one in RULES]
SLICE = ("a key id is the key's", "step 14", "no lock")
_PROGRAM = """
import sys
from dataclasses import replace
from tests.weaken.rules import RULES
from tests.weaken.trials import unnoticed

chosen = [one for one in RULES if one.rule in sys.argv[1:]]
as_it_is = replace(chosen[0], rule="as it is", changes=())
for one, is_unnoticed in unnoticed([*chosen, as_it_is]):
    print("unnoticed" if is_unnoticed else "noticed", one.rule, sep=": ")
"""


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
    """In a process of its own: a trial forgets the project's modules."""
    done = run_program([sys.executable, "-c", _PROGRAM, *SLICE], 300)
    told = [line for line in done.stdout.splitlines() if line.startswith(("noticed: ", "unnoticed: "))]
    assert sorted(told) == sorted([*(f"noticed: {rule}" for rule in SLICE), "unnoticed: as it is"]), done.stderr
