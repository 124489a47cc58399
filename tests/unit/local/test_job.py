"""A command run to its end shows the end of its output where it fails."""

from pathlib import Path

import pytest

from auditseal_local.errors import LocalStackError
from auditseal_local.job import run_logged
from auditseal_local.progress import silent


def test_a_failed_job_shows_the_end_of_its_output(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"(?s)sh failed with code 4:\nout of disk"):
        run_logged(["/bin/sh", "-c", "echo out of disk; exit 4"], tmp_path / "log", {}, silent)
