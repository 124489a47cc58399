"""The errors of evidence packs.

AuditsealError
├── UnavailableError   (auditseal_schemas) the vault or the timestamp authority can't be reached
├── VerificationError  (auditseal_schemas) a block doesn't hold: no pack is written
├── EvidenceError      the index names records that the vault does not have, or the vault changed meanwhile
└── TimestampError     the timestamp authority's answer is not a timestamp of the pack
"""

from auditseal_schemas.errors import AuditsealError


class EvidenceError(AuditsealError):
    """The index names records that the vault does not have, or the vault changed meanwhile: exit code 1."""


class TimestampError(AuditsealError):
    """The timestamp authority's answer is not a timestamp of the pack by a trusted certificate: exit code 1."""
