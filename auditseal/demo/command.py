"""One `auditseal` command run to its end; an interrupt leaves no process of it."""

import subprocess
import sys
from collections.abc import Mapping, Sequence

from auditseal_local.process import Child, ProcessId, guarded


def run_command(
    arguments: Sequence[str], environment: Mapping[str, str], output: int | None
) -> subprocess.CompletedProcess[str]:
    """Run `auditseal arguments` and return how it ended.

    Args:
        arguments: Its arguments.
        environment: Its whole environment.
        output: `subprocess.PIPE` to return what it prints, None to let it go to the terminal.
    """
    command = guarded([sys.executable, "-m", "auditseal", *arguments])
    with subprocess.Popen(  # noqa: S603
        command,
        env=dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        text=True,
        start_new_session=True,  # Ctrl-C is for the demo, which then ends the command and its own processes at once
    ) as popen:
        try:
            out, err = popen.communicate()
        except BaseException:
            Child(ProcessId.of(popen.pid), popen).kill()
            raise
    return subprocess.CompletedProcess(command, popen.returncode, out, err)
