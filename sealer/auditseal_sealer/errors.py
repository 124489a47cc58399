"""What may go wrong here and be tried again. What must not be is a `HaltError`."""

from auditseal_schemas.errors import AuditsealError


class UnavailableError(AuditsealError):
    """Kafka or the vault is away, or answered with an error: recover the head and go on from there."""


class FencedError(AuditsealError):
    """Another sealer has taken over this log's transactional id, or this sealer's place in the group."""
