"""The import rules of pyproject.toml bite: a module is refused as soon as it imports what it must not."""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the packages, to break rules in."""
    tree = tmp_path_factory.mktemp("tree")
    shutil.copy(ROOT / "pyproject.toml", tree)
    for package in [ROOT / "auditseal", *(init.parent for init in ROOT.glob("*/auditseal_*/__init__.py"))]:
        shutil.copytree(package, tree / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tree


def lint(tree: Path) -> tuple[int, str]:
    command = [sys.executable, "-c", LINT, "--no-cache", "--config", "pyproject.toml"]
    done = subprocess.run(
        command, cwd=tree, env={"PATH": "", "PYTHONPATH": str(tree)}, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_every_package_is_in_the_rules_for_all() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    packages = {"auditseal", *(init.parent.name for init in ROOT.glob("*/auditseal_*/__init__.py"))}
    by_name = {contract["name"]: contract for contract in rules["contracts"]}
    layers = [name for layer in by_name["Who may import whom"]["layers"] for name in layer.split(" | ")]
    assert packages == set(rules["root_packages"]) == set(layers) == set(by_name["No circles"]["ancestors"])


def test_the_rules_are_kept(tree: Path) -> None:
    code, said = lint(tree)
    assert code == 0, said


@pytest.mark.parametrize(
    ("module", "imported", "rule"),
    [
        ("auditseal_auditor/__init__.py", "auditseal_archiver.archiver", "Who may import whom"),
        ("auditseal_sealer/__init__.py", "auditseal_archiver.archiver", "Who may import whom"),
        ("auditseal_vault/head.py", "auditseal_sealer", "Who may import whom"),
        ("auditseal_auditor/__init__.py", "auditseal_daemon.telemetry", "Auditors need neither Kafka nor a daemon"),
        ("auditseal_vault/head.py", "auditseal_vault.s3", "Reading a log of a vault loads no store's library"),
        ("auditseal_vault/s3.py", "confluent_kafka", "The vault knows nothing of Kafka and of daemons"),
        ("auditseal_producer/config.py", "auditseal_vault.interface", "Publishing pulls in no storage and no daemon"),
        ("auditseal_local/ports.py", "auditseal_vault.interface", "The local stack knows nothing but the core"),
        ("auditseal_search/__init__.py", "auditseal_sealer.config", "Searching needs neither Kafka nor its daemons"),
        ("auditseal_vault/interface.py", "auditseal_vault.s3", "No circles"),
        *(("auditseal_schemas/merkle.py", name, "The core does no I/O") for name in ("asyncio", "ssl", "structlog")),
    ],
)
def test_an_import_against_a_rule_is_refused(tree: Path, module: str, imported: str, rule: str) -> None:
    path = tree / module
    before = path.read_text()
    path.write_text(f"{before}\nimport {imported}\n")
    try:
        code, said = lint(tree)
    finally:
        path.write_text(before)
    assert code == 1
    broken = [line for line in said.splitlines() if line.endswith("BROKEN") or " BROKEN" in line]
    assert [line for line in broken if line.startswith(rule)], said
