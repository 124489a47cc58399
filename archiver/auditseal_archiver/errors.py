"""The errors of the archiver.

AuditsealError
├── HaltError          (auditseal_schemas) the archiver can't continue safely; a runbook says what to do
├── UnavailableError   (auditseal_schemas) the store or Kafka doesn't answer, or refuses: try again
├── RewindNeededError  blocks are missing between the vault's head and the block that was read
├── NotReplicatedError a block can't be copied, or the copy is not the same
└── StoppedError       `stop` was set before a call was answered
"""

from auditseal_schemas.errors import AuditsealError


class RewindNeededError(AuditsealError):
    """The block that was read doesn't follow the vault's head: read the partition from the topic's beginning."""


class NotReplicatedError(AuditsealError):
    """A block can't be copied as it is, or what the copy holds is not the same."""


class StoppedError(AuditsealError):
    """The archiver was asked to stop before Kafka answered."""
