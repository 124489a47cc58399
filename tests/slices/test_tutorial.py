"""The tutorial does what it says: its commands are run on a demo's vault, and print what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial" / "first-log.md").read_text("utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def run(command: str, directory: Path) -> str:
    paths = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    shell = ["bash", "-c", command]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    return subprocess.run(
        shell, cwd=directory, env={**os.environ, "PATH": paths}, **pipes, text=True, check=False, timeout=240
    ).stdout


def shown(lines: list[str]) -> re.Pattern[str]:
    """The output that a block shows: … at the end of a line is any rest of it, … alone is any number of lines."""
    patterns = [
        "(?:.*\n)*?" if line == "…" else ".*".join(re.escape(part) for part in line.split("…")) + "\n" for line in lines
    ]
    return re.compile("".join(patterns))


def test_the_commands_of_the_tutorial_print_what_it_shows(tmp_path: Path) -> None:
    demo = run("auditseal demo", tmp_path)
    assert "20,000 events in" in demo, demo
    assert len(BLOCKS) == 7
    for block in BLOCKS:
        lines = block.splitlines()
        script = "\n".join(line[2:] for line in lines if line.startswith("$ "))
        printed = run(script, tmp_path)
        assert shown([line for line in lines if not line.startswith("$ ")]).fullmatch(printed), f"{script}\n{printed}"


@pytest.mark.parametrize(("printed", "matches"), [("a\nx\ny\nb\n", True), ("a\nb\n", True), ("a\nx\n", False)])
def test_a_line_of_dots_is_any_number_of_lines(printed: str, matches: bool) -> None:
    assert bool(shown(["a", "…", "b"]).fullmatch(printed)) == matches
