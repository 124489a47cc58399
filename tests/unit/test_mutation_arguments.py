"""What is argued of mutants that survive: for lines that still stand, and as docs/explanation/mutation.md says it."""

import ast
from importlib import import_module
from inspect import getsource
from pathlib import Path

import pytest

from tests.mutation.equivalent import Argument, Change, read_arguments, scope_at, table, void_arguments, words_at

ARGUMENTS = read_arguments()
PAGE = (Path(__file__).parents[2] / "docs" / "explanation" / "mutation.md").read_text("utf-8")


@pytest.mark.parametrize("change", ARGUMENTS, ids=lambda change: f"{change.module}: {change.change}")
def test_an_argument_is_for_lines_that_stand_where_it_says(change: Change) -> None:
    source = getsource(import_module(change.module))
    tree, lines = ast.parse(source), source.splitlines()
    numbers = [number for number in range(1, len(lines) + 1) if words_at(lines, number) == change.line]
    found = [number for number in numbers if scope_at(tree, number) == change.where]
    assert len(found) == ARGUMENTS[change].times
    assert change.change != change.line
    assert ARGUMENTS[change].reason


def test_the_page_lists_all_of_them() -> None:
    """As `python -m tests.mutation.equivalent` prints them."""
    assert "\n".join(table(ARGUMENTS)) in PAGE


def test_an_argument_is_void_where_another_number_of_mutants_makes_the_change() -> None:
    change = Change("some.module", "f", "NumberReplacer", "x = 1", "x = 2")
    arguments = {change: Argument("it means nothing", times=2)}
    assert list(void_arguments(arguments, "some.module", [change] * 2)) == []
    assert list(void_arguments(arguments, "another.module", [])) == []
    for times in (0, 1, 3):
        (problem,) = void_arguments(arguments, "some.module", [change] * times)
        assert f"argued for 2 mutant(s), and {times} make it" in problem


def test_a_line_belongs_to_the_innermost_function_or_class() -> None:
    tree = ast.parse(
        "x = 1\nclass A:\n    y = 1\n    @property\n    def f(self):\n        def g():\n            pass\n"
    )
    assert [scope_at(tree, line) for line in range(1, 8)] == ["", "A", "A", "A.f", "A.f", "A.f.g", "A.f.g"]


def test_a_bare_break_is_told_by_the_line_before() -> None:
    lines = ["    if x:", "        break", "    y = 1  # break"]
    assert [words_at(lines, line) for line in (1, 2, 3)] == ["if x:", "if x: break", "y = 1  # break"]
