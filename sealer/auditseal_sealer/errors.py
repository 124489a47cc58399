"""The errors of the sealer.

AuditsealError
├── UnavailableError   (auditseal_schemas) Kafka or the vault is away: recover the head and go on
├── HaltError          (auditseal_schemas) the sealer can't go on safely
└── FencedError        another sealer has the log's transactional id
└── ExpelledError  another sealer has this one's name in the group: never try again
"""

from auditseal_schemas.errors import AuditsealError


class FencedError(AuditsealError):
    """Another sealer has taken over this log's transactional id."""


class ExpelledError(FencedError):
    """The group has expelled this sealer, because another member has its name. Trying again would fence that member."""
