"""The verdicts of verification and their exit codes."""

from enum import StrEnum


class Verdict(StrEnum):
    """What a finding says of a log; `exit_code` grows with what is at stake, the worst one of a run wins."""

    MALFORMED = "MALFORMED"
    SQUATTED = "SQUATTED"
    BAD_STORAGE = "BAD_STORAGE"
    STALE = "STALE"
    TRUNCATED = "TRUNCATED"
    MISSING_LOG = "MISSING_LOG"
    BROKEN_CHAIN = "BROKEN_CHAIN"
    BAD_RECORD = "BAD_RECORD"
    BAD_ROOT = "BAD_ROOT"
    BAD_KEY = "BAD_KEY"
    BAD_SIGNATURE = "BAD_SIGNATURE"
    FORK = "FORK"

    @property
    def exit_code(self) -> int:
        """The process's exit code for this verdict: 10 for the first of the class, and so on."""
        return 10 + list(Verdict).index(self)
