"""The errors of the sealer.

AuditsealError
├── UnavailableError  (auditseal_schemas) Kafka or the vault is unreachable: recover the head and continue
│   └── NoBlocksPartitionError  the blocks topic has no partition for the log's blocks yet
├── HaltError         (auditseal_schemas) the sealer can't continue safely
├── ExpelledError     (auditseal_daemon) another sealer has this one's name in the group: never try again
└── FencedError       another sealer has the log's transactional id
"""

from auditseal_schemas.errors import AuditsealError, UnavailableError


class FencedError(AuditsealError):
    """Another sealer has taken over this log's transactional id."""


class NoBlocksPartitionError(UnavailableError):
    """The blocks topic has fewer partitions than the events topic, and none for this log's blocks."""
