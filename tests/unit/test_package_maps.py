"""Each package's docstring lists its modules, one line each; the docstring of its `errors` lists its errors."""

import ast
import re
from importlib import import_module
from inspect import getmembers, isclass
from pathlib import Path

import pytest

from auditseal_schemas.errors import AuditsealError
from tests.prose.count import PACKAGES

ROOT = Path(__file__).parents[2]
FOLDERS = {
    path.parent.relative_to(package.parent).as_posix().replace("/", "."): path.parent
    for package in PACKAGES.values()
    for path in sorted(package.rglob("__init__.py"))
}
ERRORS = [name for name, folder in FOLDERS.items() if (folder / "errors.py").is_file()]
_ROW = re.compile(r"^\| `(\w+)` \| \S.* \|$", re.MULTILINE)


def docstring(path: Path) -> str:
    return ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""


def modules_in(folder: Path) -> list[str]:
    """Return the names of the modules and packages in a package's folder."""
    files = [path.stem for path in folder.glob("*.py") if path.stem not in {"__init__", "__main__"}]
    return sorted(files + [path.parent.name for path in folder.glob("*/__init__.py")])


def test_all_packages_are_looked_at() -> None:
    assert {"auditseal", "auditseal.cli", "auditseal.demo", "auditseal_schemas", "auditseal_vault"} <= set(FOLDERS)
    assert len(PACKAGES) >= 9


@pytest.mark.parametrize("name", FOLDERS)
def test_the_docstring_lists_each_module_in_one_line(name: str) -> None:
    assert sorted(_ROW.findall(docstring(FOLDERS[name] / "__init__.py"))) == modules_in(FOLDERS[name])


@pytest.mark.parametrize("name", ERRORS)
def test_the_tree_of_errors_has_each_error_of_the_package(name: str) -> None:
    """Wherever in the package it is defined."""
    modules = [import_module(f"{name}.{module}") for module in modules_in(FOLDERS[name])]
    defined = {
        kind.__name__
        for module in modules
        for _, kind in getmembers(module, isclass)
        if issubclass(kind, AuditsealError) and kind.__module__ == module.__name__
    }
    named = set(re.findall(r"\b\w+Error\b", docstring(FOLDERS[name] / "errors.py")))
    assert defined <= named
