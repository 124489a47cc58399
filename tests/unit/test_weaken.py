"""The weakenings of `make weaken`: for every rule of the page one, or a reason; a short slice of them is noticed."""

import re
import sys
from pathlib import Path

import pytest

from auditseal_schemas.verification import STEPS
from tests.factory.programs import run_program
from tests.vectors.read import read_vectors
from tests.weaken.page import SECTIONS, section_text, units
from tests.weaken.weakening import Weakening, read_not_weakened, read_weakenings

ROOT = Path(__file__).parents[2]
WEAKENINGS, NOT_WEAKENED = read_weakenings(), read_not_weakened()
EACH = [pytest.param(one, id=str(one)) for one in WEAKENINGS]
SLICE = ("a key id is the key's", "step 14")
_PROGRAM = """
import sys
from dataclasses import replace
from tests.weaken.trials import unnoticed
from tests.weaken.weakening import read_weakenings

chosen = [one for one in read_weakenings() if one.left_out in sys.argv[1:]]
as_it_is = replace(chosen[0], left_out="as it is", changes=())
for one, is_unnoticed in unnoticed([*chosen, as_it_is]):
    print("unnoticed" if is_unnoticed else "noticed", one.left_out, sep=": ")
"""


@pytest.mark.parametrize("weakening", EACH)
def test_it_changes_the_source_into_another_program(weakening: Weakening) -> None:
    original = weakening.path.read_text("utf-8")
    assert weakening.source != original
    assert compile(weakening.source, weakening.module, "exec").co_code


@pytest.mark.parametrize("weakening", EACH)
def test_it_names_a_rule_in_the_words_of_the_page(weakening: Weakening) -> None:
    assert weakening.rule in section_text(weakening.section)
    assert weakening.left_out


def test_no_change_is_there_twice() -> None:
    assert len({(one.module, one.changes) for one in WEAKENINGS}) == len(WEAKENINGS)
    assert len({(one.module, one.left_out) for one in WEAKENINGS}) == len(WEAKENINGS)


@pytest.mark.parametrize("section", SECTIONS)
def test_every_rule_of_the_page_is_weakened_or_it_is_said_why_not(section: int) -> None:
    """A rule is a row of a table, an item of a list or a paragraph."""
    weakened = [one.rule for one in WEAKENINGS if one.section == section]
    excused = [words for number, words in NOT_WEAKENED if number == section]
    rules = list(units(section))
    assert [rule for rule in rules if not any(words in rule for words in weakened + excused)] == []
    for words in excused:
        (rule,) = (rule for rule in rules if words in rule)
        assert not any(other in rule for other in weakened), f"{words}: it is weakened, so the reason is void"


def test_every_rule_of_the_table_of_steps_is_weakened_or_it_is_said_why_not() -> None:
    named = [one.rule for one in WEAKENINGS if one.section == 14]
    excused = [words for section, words in NOT_WEAKENED if section == 14]
    rules = [
        f"| {'' if index else step.number} | {rule.text} |" for step in STEPS for index, rule in enumerate(step.rules)
    ]
    assert [rule for rule in rules if not any(words in rule for words in named + excused)] == []


def test_the_reasons_name_what_there_is() -> None:
    names = {vector["name"] for vector in read_vectors()}
    for reason in NOT_WEAKENED.values():
        assert set(re.findall(r"`([\w-]+)`", reason)) - {"start"} <= names
        for path in re.findall(r"tests/[\w/]+\.py", reason):
            assert (ROOT / path).is_file()


def test_a_rule_that_is_left_out_is_noticed_and_a_source_as_it_is_is_not() -> None:
    """In a process of its own: a trial forgets the project's modules."""
    done = run_program([sys.executable, "-c", _PROGRAM, *SLICE], 300)
    told = [line for line in done.stdout.splitlines() if line.startswith(("noticed: ", "unnoticed: "))]
    assert sorted(told) == sorted([*(f"noticed: {rule}" for rule in SLICE), "unnoticed: as it is"]), done.stderr
