"""What may go wrong here and be tried again. What must not be is a `HaltError`."""

from auditseal_schemas.errors import AuditsealError


class UnavailableError(AuditsealError):
    """Kafka or the vault is away, or answered with an error: recover the head and go on from there."""


class FencedError(AuditsealError):
    """Another sealer has taken over this log's transactional id."""


class ExpelledError(FencedError):
    """The group has given this sealer up for good, as where another has its name: to go on would fence that one."""
