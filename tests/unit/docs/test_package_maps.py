"""A package's docstring lists its modules: each of them, and no other."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
MAPPED = (
    "auditseal",
    "auditseal/cli",
    "auditseal/demo",
    "daemon/auditseal_daemon",
    "deploy/auditseal_local",
    "tests/factory",
)
_ROW = re.compile(r"^\| `(\w+)` \| .+ \|$", re.MULTILINE)


def modules(package: Path) -> set[str]:
    """The names of a package's modules and packages, without those that Python itself asks for by name."""
    found = {path.stem for path in package.glob("*.py")} | {init.parent.name for init in package.glob("*/__init__.py")}
    return {name for name in found if not name.startswith("__")}


@pytest.mark.parametrize("package", MAPPED)
def test_the_docstring_lists_each_module_once(package: str) -> None:
    docstring = ast.get_docstring(ast.parse((ROOT / package / "__init__.py").read_text("utf-8"))) or ""
    listed = _ROW.findall(docstring)
    assert sorted(listed) == sorted(modules(ROOT / package))
