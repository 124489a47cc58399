"""The errors of an auditor.

AuditsealError
├── ConfigurationError   (auditseal_schemas) an argument or the state file can't be used: exit code 2
├── UnavailableError     (auditseal_schemas) the store can't be read: exit code 1, never a verdict
├── NotStoredError       (auditseal_vault) the vault has no block at a height
├── VerificationError    (auditseal_schemas) the block that was asked for doesn't hold: the verdict's exit code
├── RecordNotFoundError  the vault has no record at an offset
├── StateFileError       the state file can't be read or written, or another run keeps it locked
├── ProofError           the proof of a fork can't be written
└── CheckProcessError    a process that checks blocks died
"""

from auditseal_schemas.errors import AuditsealError


class RecordNotFoundError(AuditsealError):
    """The vault has no record at this offset; the message says why. `verify` reports whether that is a fault."""


class StateFileError(AuditsealError):
    """The state file can't be read or written, or another run keeps it locked."""


class ProofError(AuditsealError):
    """The proof of a fork can't be written."""


class CheckProcessError(AuditsealError):
    """A process that checks blocks died: nothing is known of the blocks that it had."""
