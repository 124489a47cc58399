"""The errors of a vault.

AuditsealError
├── UnavailableError    (auditseal_schemas) the store is away, or answered with an error: try again
├── AlreadyStoredError  an object of that key exists
└── NotStoredError      the vault has no block at a height that it should have
"""

from auditseal_schemas.errors import AuditsealError


class AlreadyStoredError(AuditsealError):
    """An object of that key exists; the store refused the write and changed nothing."""


class NotStoredError(AuditsealError):
    """The vault has no block at this height. `verify` reports whether that is a fault of the log: exit code 1."""
