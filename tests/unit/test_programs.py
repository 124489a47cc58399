"""How tests run programs: one that hangs ends, with its children."""

import subprocess
import sys

import pytest

from tests.factory.programs import run_program

_LEAVES_A_CHILD = """
import os, sys, time
print("begun", flush=True)
if os.fork() == 0:
    time.sleep(60)
"""


def test_a_child_that_outlives_its_program_ends_at_the_timeout() -> None:
    with pytest.raises(subprocess.TimeoutExpired) as timeout:
        run_program([sys.executable, "-c", _LEAVES_A_CHILD], 2)
    assert timeout.value.output == "begun\n"


def test_a_program_that_ends_is_told_of() -> None:
    done = run_program([sys.executable, "-c", "import sys; print('a'); sys.exit('b')"], 20)
    assert (done.returncode, done.stdout, done.stderr) == (1, "a\n", "b\n")
