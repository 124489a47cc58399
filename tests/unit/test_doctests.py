"""The examples in docstrings are true: every package's are run."""

import doctest
from importlib import import_module

import pytest

from tests.unit.test_package_maps import FOLDERS, modules_in

MODULES = [f"{package}.{module}" for package, folder in FOLDERS.items() for module in modules_in(folder)]
WITH_EXAMPLES = {
    name for name in MODULES if any(test.examples for test in doctest.DocTestFinder().find(import_module(name)))
}


def test_the_formats_first_readers_find_whole_examples() -> None:
    assert {"auditseal_schemas.block", "auditseal_schemas.note"} <= WITH_EXAMPLES


@pytest.mark.parametrize("name", sorted(WITH_EXAMPLES))
def test_the_examples_give_what_they_show(name: str) -> None:
    result = doctest.testmod(import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
