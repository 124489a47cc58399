"""What the refusals of an S3 store mean."""

from botocore.exceptions import BotoCoreError, ClientError

from auditseal_schemas.errors import AuditsealError, UnavailableError
from auditseal_vault.errors import RefusedObjectError, UnreadableObjectError

S3_ERRORS = (ClientError, BotoCoreError)
BROKEN_ANSWER = (AttributeError, KeyError, OverflowError, RuntimeError, TypeError, ValueError)
"""What botocore, and reading what it returns, raise of an answer that isn't S3's: a number that is none, a time, a part
that isn't there, or is there twice."""
FORBIDDEN, NOT_FOUND, CONFLICT, PRECONDITION_FAILED = 403, 404, 409, 412
CREDENTIALS_REFUSED = frozenset(
    {
        "ExpiredToken",
        "InvalidAccessKeyId",
        "InvalidToken",
        "InvalidTokenId",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
    }
)
"""Answers given before the store looked at the request: the credentials or the clock are wrong."""
DENIED = "AccessDenied"
"""The credentials are known, and may not do this; others may."""
_ARCHIVED = "InvalidObjectState"
ABSENT = frozenset({"NoSuchKey", "NoSuchVersion"})
_CUSTOMER_KEY = "InvalidRequest"  # S3's answer to a read without the key of an object that the writer encrypted
_KMS = ("KMS.", "kms:")  # AWS, MinIO


def status_of(error: ClientError) -> int:
    """Return the HTTP status that a store refused a call with."""
    return int(error.response["ResponseMetadata"]["HTTPStatusCode"])


def code_of(error: ClientError) -> str:
    """Return the S3 error code that a store refused a call with."""
    return str(error.response["Error"]["Code"])


def concerns_kms(code: str) -> bool:
    """Return whether a refusal is about the key management service: its key, the rights on it, or its absence."""
    return code.startswith(_KMS)


def refused_read(problem: str, code: str, version_id: str) -> AuditsealError:
    """Return the error for a read that the store refused.

    Args:
        problem: What happened, and where.
        code: The answer's S3 error code.
        version_id: The version that was asked for, which the store lists; empty where the latest was.
    """
    if code == _ARCHIVED or (version_id and code in ABSENT):
        return UnreadableObjectError(f"{problem}: the store lists this version and has no content for it")
    if code in {DENIED, _CUSTOMER_KEY} or concerns_kms(code):
        return RefusedObjectError(f"{problem}: may these credentials read it, is its encryption key there?")
    return UnavailableError(problem)
