"""The errors of what daemons share.

AuditsealError
├── UnavailableError  (auditseal_schemas) Kafka or a store is unreachable, or refuses: try again
├── HaltError         (auditseal_schemas) a daemon can't continue safely
└── ExpelledError     the group never accepts this member again
"""

from auditseal_schemas.errors import AuditsealError


class ExpelledError(AuditsealError):
    """The group has expelled this member, because another one has its name. Trying again would expel that one."""
