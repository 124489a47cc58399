"""The cache's lock: one process at a time holds it."""

import subprocess
import sys
from pathlib import Path

import pytest

from auditseal_local.cache import exclusive


def test_one_process_at_a_time_holds_the_lock(tmp_path: Path) -> None:
    waiter = (
        "import sys; from pathlib import Path; from auditseal_local.cache import exclusive\n"
        "print('waiting', flush=True)\nwith exclusive(Path(sys.argv[1])): print('in', flush=True)"
    )
    command = [sys.executable, "-c", waiter, str(tmp_path / "lock")]
    with exclusive(tmp_path / "lock"):
        other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "waiting\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(0.3)
    assert other.communicate(timeout=60)[0] == "in\n"
