"""The exit codes of all commands and daemons.

| codes | where they are defined | meaning |
| --- | --- | --- |
| 0 to 5, 130 | `ExitCode` | a command or daemon that ended without a verdict and without a halt |
| 10 to 21 | `Verdict.exit_code` | what `verify` or `show` found |
| 40 and up | `Halt.exit_code` | why a daemon stopped for good |

`docs/reference/cli.md` has the same tables for users.
"""

from enum import IntEnum

from auditseal_schemas.errors import ConfigurationError, TrustError
from auditseal_schemas.halt import HaltError


class ExitCode(IntEnum):
    """How a command or daemon ended, apart from verdicts and halts."""

    OK = 0
    """It did its work, or a daemon was stopped by SIGTERM or SIGINT."""
    FAILED = 1
    """The tool failed: a store or Kafka is unreachable, a disk is full, or a bug. Never a verdict."""
    UNUSABLE = 2
    """The user must change something first: arguments, configuration, trust file, a missing extra."""
    REJECTED = 3
    """`emit` rejected lines and published all others; `index verify` or `attest` found that the index differs from the
    vault; `spool export` found damaged events and copied all others; `streams` found a fault of a stream; `registry
    pin` found versions that are not audit events."""
    PARTIAL = 4
    """The answer names heights that it does not cover: `search`, `export`, `evidence`, `prove --event-id`."""
    FRAUD = 5
    """`check-proof`: the file proves that an index signed something false; `index attest`: it found such a proof."""
    INTERRUPTED = 130
    """Ctrl-C, or another signal that a command turns into an orderly end."""


def exit_code_of(error: Exception) -> int:
    """Return the exit code of a command or daemon that an error ends.

    A `VerificationError` counts as a failure here: its verdict is the answer of the commands that verify, and of no
    other.
    """
    if isinstance(error, HaltError):
        return error.halt.exit_code
    if isinstance(error, ConfigurationError | TrustError):
        return ExitCode.UNUSABLE
    return ExitCode.FAILED
