"""The context of the image has all that the package is built from, and no keys."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_context_has_each_package_and_nothing_that_is_not_named() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    named = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert rules[0] == "*"
    wheel = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = [*wheel["packages"], *wheel["force-include"], "deploy/requirements", "pyproject.toml", "README.md"]
    assert [path for path in needed if not {path, path.split("/")[0]} & named] == []
    assert named.isdisjoint({"deploy", "deploy/compose", "deploy/compose/secrets", ".git", ".venv", "tests"})
