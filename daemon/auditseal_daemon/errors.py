"""The errors of what daemons share.

AuditsealError
├── UnavailableError  (auditseal_schemas) Kafka or a store is away, or refuses: try again
├── HaltError         (auditseal_schemas) a daemon can't go on safely
└── ExpelledError     the group never accepts this member again
"""

from auditseal_schemas.errors import AuditsealError


class ExpelledError(AuditsealError):
    """The group has expelled this member, because another one has its name. Trying again would expel that one."""
