"""The `auditseal` command."""

import os
import signal
import sys
from importlib import import_module
from io import TextIOWrapper

from auditseal_schemas.exit_codes import ExitCode

_FIRST_PROCESS = 1


def main() -> None:
    """Run the command line; without the extra that holds it, name the extra and end with exit code 2.

    SIGTERM ends a command at once, also as a container's first process. The kernel drops a signal there that has no
    handler, so a container that is stopped would run on until SIGKILL. Daemons and some commands handle it themselves.

    The import is here and not above, because a service that only publishes has no command line.
    """
    if os.getpid() == _FIRST_PROCESS:
        signal.signal(signal.SIGTERM, lambda *_: os._exit(128 + signal.SIGTERM))
    try:
        cli = import_module("auditseal.cli")
    except ModuleNotFoundError as error:
        sys.stderr.write(f"auditseal: the library {error.name} is not installed. Run: pip install 'auditseal[cli]'\n")
        sys.exit(ExitCode.UNUSABLE)
    except KeyboardInterrupt:  # while it loads
        sys.exit(ExitCode.INTERRUPTED)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # not so under a program that replaced it
            stream.reconfigure(errors="backslashreplace")  # a terminal may lack characters: escape them
    cli.app()


if __name__ == "__main__":
    main()
