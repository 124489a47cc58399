"""What each extra promises runs with what it installs: all other packages are blocked from being imported."""

import ast
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import distribution, packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OURS = {
    init.parent.name: init.parent
    for init in [*ROOT.glob("auditseal/__init__.py"), *ROOT.glob("*/auditseal_*/__init__.py")]
}
BROUGHT = {
    "anyio": "starlette",
    "botocore": "boto3",
    "distributed": "dask",
    "h11": "uvicorn",
    "pydantic": "pydantic-settings",
    "pydantic-core": "pydantic-settings",
}
"""Packages that another declares as part of what it is."""

PLUGIN = "auditseal.pytest"
"""Only pytest loads it, and brings itself."""
OF_AN_EXTRA = {
    "auditseal_daemon.signed_tokens": ("gateway", "explorer", "all"),
    "auditseal_sealer.signers.pkcs11_key": ("pkcs11", "all"),
}
"""Modules that need more than the rest of their package, with the extras that bring it."""

BLOCKED = """
import json, sys
blocked = set(json.loads(sys.argv[1]))
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Absent())
for name in blocked & sys.modules.keys():
    del sys.modules[name]
"""

MODULES = """
import importlib
for name in {modules!r}:
    importlib.import_module(name)
"""

READERS = """
from auditseal_vault.open import open_reader
print(type(open_reader("file:///tmp")).__name__, type(open_reader("s3://b/?endpoint=http://127.0.0.1:1")).__name__)
"""

COMMAND = """
import sys
from auditseal.__main__ import main
sys.argv = ["auditseal", *{arguments!r}]
main()
"""


def declared(extra: str) -> list[Requirement]:
    """The packages that pyproject.toml lists for an extra, with those of the extras that it names, and for all."""
    found = [Requirement(line) for line in PROJECT["dependencies"]]
    for line in PROJECT["optional-dependencies"][extra]:
        requirement = Requirement(line)
        found += (
            [r for e in requirement.extras for r in declared(e)] if requirement.name == "auditseal" else [requirement]
        )
    return found


def closure(requirements: Iterable[Requirement]) -> set[str]:
    """The distributions that these bring, by name."""
    todo, seen = list(requirements), set[tuple[str, frozenset[str]]]()
    while todo:
        requirement = todo.pop()
        key = canonicalize_name(requirement.name), frozenset(requirement.extras)
        if key in seen:
            continue
        seen.add(key)
        for needed in map(Requirement, distribution(requirement.name).requires or ()):
            extras = ["", *requirement.extras]
            if needed.marker is None or any(needed.marker.evaluate({"extra": extra}) for extra in extras):
                todo.append(needed)
    return {name for name, _ in seen}


def run_with(extra: str, program: str) -> str:
    """What a program prints where only an extra is installed."""
    brought = closure(declared(extra)) | {"auditseal"}
    blocked = [
        module
        for module, names in packages_distributions().items()
        if not brought & {canonicalize_name(name) for name in names}
    ]
    command = [sys.executable, "-c", BLOCKED + program, json.dumps(blocked)]
    environment = {"PATH": "", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "r"}
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout


def modules_of(package: Path) -> list[str]:
    """The names of a package's modules."""
    found = (path.relative_to(package.parent).with_suffix("").parts for path in package.rglob("*.py"))
    return [".".join(parts) for parts in found if parts[-1] not in {"__init__", "__main__"}]


def third_party_modules(package: Path) -> Iterator[str]:
    """The top-level names that a package's modules import, wherever they do."""
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            yield from (name.partition(".")[0] for name in names)


def test_what_is_blocked_is_absent() -> None:
    assert "absent" in run_with("cli", "try: import boto3\nexcept ModuleNotFoundError: print('absent')")


@pytest.mark.parametrize("extra", ["auditor", "sealer", "archiver"])
def test_it_opens_a_directory_and_a_bucket_for_reading(extra: str) -> None:
    assert run_with(extra, READERS).split() == ["DirectoryVault", "S3Vault"]


@pytest.mark.parametrize(
    ("extra", "packages", "others"),
    [
        ("auditor", ["auditseal_schemas", "auditseal_auditor"], []),
        (
            "sealer",
            ["auditseal_sealer"],
            ["auditseal_daemon.run", "auditseal.settings_sealer", "auditseal.settings_topics"],
        ),
        ("pkcs11", ["auditseal_sealer"], ["auditseal.settings_sealer"]),
        ("archiver", ["auditseal_archiver"], ["auditseal_daemon.run", "auditseal.settings_archiver"]),
        ("watch", ["auditseal_watch"], ["auditseal_daemon.run", "auditseal.settings_watch", "auditseal.cli.watch"]),
        ("explorer", ["auditseal_explorer"], ["auditseal.cli.explore"]),
        (
            "gateway",
            ["auditseal_gateway", "auditseal_importers", "auditseal_producer"],
            ["auditseal.settings_gateway", "auditseal.cli.gateway"],
        ),
        ("evidence", ["auditseal_evidence", "auditseal_search"], ["auditseal.cli.evidence"]),
        ("local", ["auditseal_local"], []),
        ("all", list(OURS), []),
    ],
)
def test_every_module_of_its_packages_loads(extra: str, packages: list[str], others: list[str]) -> None:
    names = [name for package in packages for name in modules_of(OURS[package]) if name != PLUGIN]
    modules = [name for name in names if extra in OF_AN_EXTRA.get(name, (extra,))]
    assert len(modules) > 5
    run_with(extra, MODULES.format(modules=[*modules, *others]))


@pytest.mark.parametrize(
    ("extra", "arguments"),
    [
        ("cli", ["emit", "--help"]),
        ("local", ["local", "status", "--dir", "/nonexistent"]),
        ("auditor", ["verify", "--help"]),
    ],
)
def test_its_commands_run(extra: str, arguments: list[str]) -> None:
    run_with(extra, COMMAND.format(arguments=arguments))


def test_every_package_that_is_imported_is_declared() -> None:
    names = {canonicalize_name(requirement.name) for requirement in declared("all")}
    known = packages_distributions()
    for package in OURS.values():
        for module in set(third_party_modules(package)) - sys.stdlib_module_names - OURS.keys() - {"", "pytest"}:
            brought = {BROUGHT.get(name, name) for name in map(canonicalize_name, known[module])}
            assert brought & names, f"{package.name} imports {module}, which no extra declares"
