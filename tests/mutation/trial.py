"""Trials of a module: each in a fork that has all but the project imported, so that it costs what its tests cost.

A mutant is put in by an import hook: no file changes, and no byte code that could be stale is written.
"""

import gc
import importlib.machinery
import json
import os
import resource
import sys
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.abc import InspectLoader, MetaPathFinder
from pathlib import Path
from time import process_time
from types import ModuleType
from typing import Any

import coverage
import hypothesis
import pytest

_WITHOUT = ("-p", "no:cacheprovider", "-p", "no:cov", "-p", "no:xdist")
_OPTIONS = ("-x", "-q", *_WITHOUT, "--no-header", "--tb=short", "--assert=plain")
_MOST_MEMORY = 6 << 30  # bytes of address space
_MOST_SECONDS = 2.0  # of CPU, while coverage is measured; what takes longer judges nothing, or survivors take minutes
_PASSED, _FAILED = 0, 1


@dataclass(frozen=True)
class Baseline:
    """What the tests do with the modules as they are: CPU seconds of each test, the tests that reach each line."""

    seconds: dict[str, float]
    reaching: dict[str, dict[int, list[str]]]

    @property
    def slow(self) -> list[str]:
        """The tests that take too long to be anything's judge."""
        return sorted(test for test, seconds in self.seconds.items() if seconds > _MOST_SECONDS)

    def judges(self, path: Path, lines: range, files: Collection[str]) -> list[str]:
        """Return the tests of the files that reach any of a module's lines, fastest first, without the slow ones.

        All of the files' tests where importing the module reaches one of the lines.
        """
        known = self.reaching[str(path)]
        reaching = [set(known.get(line, [""])) for line in lines]
        tests = set(self.seconds) if any("" in some for some in reaching) else set().union(*reaching)
        tests.difference_update(self.slow)
        own = (test for test in tests if test.partition("::")[0] in files)
        return sorted(own, key=lambda test: (self.seconds[test], test))


def warm_up(files: Sequence[str]) -> None:
    """Import what the tests import, and forget what is the project's own."""
    if pytest.main([*_OPTIONS, "--collect-only", "-qq", *files]) != _PASSED:
        raise SystemExit("the tests cannot be collected")
    _forget_project()
    gc.collect()
    gc.freeze()  # what each fork would look through again, and thereby copy


def measure(paths: Sequence[Path], files: Sequence[str]) -> Baseline:
    """Run all tests on the unchanged modules, which they must pass."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "baseline.json"
        if _fork(lambda: _run_measured(paths, files, record), cpu_seconds=3600) != _PASSED:
            raise SystemExit("the tests fail without any mutant; MUTATION_LOG=FILE keeps what they say")
        data = json.loads(record.read_text())
    numbered = {path: {int(line): tests for line, tests in lines.items()} for path, lines in data["reaching"].items()}
    return Baseline(data["seconds"], numbered)


def survives(name: str, path: Path, source: str, tests: Sequence[str], cpu_seconds: int) -> bool:
    """Tell whether the tests pass with another source for a module; an endless loop and a lack of memory fail."""
    return _fork(lambda: _run_changed(name, path, source, tests), cpu_seconds) == _PASSED


def _run_changed(name: str, path: Path, source: str, tests: Sequence[str]) -> int:
    sys.meta_path.insert(0, _Substitute(name, path, source))
    return int(pytest.main([*_OPTIONS, *tests]))


def _run_measured(paths: Sequence[Path], files: Sequence[str], record: Path) -> int:
    watch = _Watch(coverage.Coverage(data_file=None, include=[str(path) for path in paths], config_file=False))
    code = int(pytest.main([*_OPTIONS, *files], plugins=[watch]))
    record.write_text(json.dumps({"seconds": watch.seconds, "reaching": watch.reaching(paths)}))
    return code


class _Watch:
    """A pytest plugin that notes how much CPU time each test takes and which lines it reaches."""

    def __init__(self, measuring: coverage.Coverage) -> None:
        self._measuring = measuring
        self.seconds: dict[str, float] = {}
        measuring.start()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._measuring.switch_context(item.nodeid)
        begin = process_time()
        answer = yield
        self.seconds[item.nodeid] = process_time() - begin
        self._measuring.switch_context("")
        return answer

    def reaching(self, paths: Sequence[Path]) -> dict[str, dict[int, list[str]]]:
        self._measuring.stop()
        return {str(path): self._measuring.get_data().contexts_by_lineno(str(path)) for path in paths}


class _Substitute(MetaPathFinder, InspectLoader):
    """Finds and loads one module from a changed source, as if it were in its file."""

    def __init__(self, name: str, path: Path, source: str) -> None:
        self._name, self._path, self._source = name, path, source

    def find_spec(self, name: str, *_: Any) -> importlib.machinery.ModuleSpec | None:
        if name != self._name:
            return None
        spec = importlib.machinery.ModuleSpec(name, self, origin=str(self._path))
        spec.has_location = True
        return spec

    def get_source(self, name: str) -> str:
        return self._source

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._source, self._path, "exec", dont_inherit=True), module.__dict__)


def _fork(run: Any, cpu_seconds: int) -> int:
    """Run a function in a fork with bounded time and memory; return its answer, or -n where signal n ended it."""
    sys.stdout.flush()
    if child := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    code = _FAILED
    try:
        _quieten()
        resource.setrlimit(resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds))
        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
        _repeatable()
        code = run()
    finally:
        os._exit(code)


def _quieten() -> None:
    nothing = os.open(os.environ.get("MUTATION_LOG", os.devnull), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (1, 2):
        os.dup2(nothing, stream)


def _repeatable() -> None:
    """Let property tests try the same few examples each time, and not look for the simplest failure."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutation", derandomize=True, max_examples=25, deadline=None, database=None, phases=phases,
        suppress_health_check=list(hypothesis.HealthCheck),
    )  # fmt: skip
    hypothesis.settings.load_profile("mutation")


def _forget_project() -> None:
    for name in list(sys.modules):
        if name.partition(".")[0].startswith(("auditseal", "tests", "test_", "conftest")):
            del sys.modules[name]
