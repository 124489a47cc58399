"""A command run to its end, its output kept in a file and watched while it works."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from auditseal_local.errors import LocalStackError
from auditseal_local.process import launch_guarded
from auditseal_local.progress import Progress


def run_logged(command: Sequence[str], log: Path, environment: Mapping[str, str], tick: Progress) -> None:
    """Run `command` to its end, calling `tick` with its latest output about once a second.

    Raises:
        LocalStackError: It failed; the text has the end of its log.
    """
    child = launch_guarded(command, log, environment)
    try:
        while not child.wait(1.0):
            tick(log.read_text(errors="replace"))
    finally:
        child.kill()
    if child.exit_code != 0:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise LocalStackError(f"{Path(command[0]).name} failed with code {child.exit_code}:\n{tail}")
