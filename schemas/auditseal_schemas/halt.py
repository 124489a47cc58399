"""Why a daemon stops for good: each reason has an exit code and a runbook."""

from enum import Enum

from auditseal_schemas.errors import AuditsealError


class Halt(Enum):
    """A reason to stop loudly; the value is (exit code, runbook)."""

    FORK = (40, "fork")
    SQUATTED = (41, "squatted")
    HEAD_DISAGREES = (42, "head-disagrees")
    BLOCKS_LOST = (43, "blocks-lost")
    LOG_RECREATED = (44, "log-recreated")
    LOG_TRUNCATED = (45, "log-truncated")
    TOPIC_MISCONFIGURED = (46, "topic-misconfigured")
    GENESIS_NOT_ALLOWED = (47, "genesis-not-allowed")
    INVALID_BLOCK = (48, "invalid-block")
    WORM_REFUSED = (49, "worm-refused")
    CLOCK = (50, "clock")
    KEY = (51, "key")
    BLOCK_TOO_LARGE = (52, "block-too-large")
    ARCHIVE_BEHIND = (53, "archive-behind")
    TRANSACTION_STUCK = (54, "transaction-stuck")
    HANGING_TRANSACTION = (55, "hanging-transaction")
    UNREADABLE_RECORDS = (56, "unreadable-records")
    NOT_ENCRYPTED = (57, "not-encrypted")

    @property
    def exit_code(self) -> int:
        """The exit code of a daemon that halts for this reason."""
        return self.value[0]

    @property
    def runbook(self) -> str:
        """The name of the page in `docs/runbooks/` that says what to do."""
        return self.value[1]


class HaltError(AuditsealError):
    """A daemon can't continue safely.

    Attributes:
        halt: The reason.
    """

    def __init__(self, halt: Halt, problem: str) -> None:
        super().__init__(f"{halt.name}: {problem} (runbook: {halt.runbook})")
        self.halt = halt
