"""The errors of the sealer.

AuditsealError
├── UnavailableError        (auditseal_schemas) Kafka or the vault is unreachable: recover the head and continue
│   ├── StaleGroupError         the group has another generation than a transaction showed
│   ├── NoBlocksPartitionError  the blocks topic has no partition for the log's blocks yet
│   └── SignerUnavailableError  (signers.external_key) a signer gives no signature
├── HaltError               (auditseal_schemas) the sealer can't continue safely
├── ExpelledError           (auditseal_daemon) another sealer has this one's name in the group: never try again
├── FencedError             another sealer has taken a log over
└── UnreadableRecordsError  records at an offset can't be read, although the brokers answer
"""

from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_sealer.unreadable import Unreadable


class FencedError(AuditsealError):
    """Another sealer has taken a log over, and with it fenced the producer of all logs."""


class StaleGroupError(UnavailableError):
    """The group has another generation by now than the one that a transaction showed."""


class NoBlocksPartitionError(UnavailableError):
    """The blocks topic has fewer partitions than the events topic, and none for this log's blocks."""


class UnreadableRecordsError(AuditsealError):
    """Records at an offset can't be read.

    Attributes:
        found: Which ones, and why.
    """

    def __init__(self, found: Unreadable) -> None:
        super().__init__(f"records from offset {found.offset} on can't be read: {found.damage}: {found.problem}")
        self.found = found
