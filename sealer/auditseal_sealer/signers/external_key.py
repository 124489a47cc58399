"""What a key outside this process can do, and how it fails."""

from enum import StrEnum
from typing import Protocol

from auditseal_schemas.errors import UnavailableError


class SignerFailure(StrEnum):
    """Why a signer gives no signature, as the metric `auditseal_signer_requests_total` names it."""

    UNREACHABLE = "unreachable"
    """It can't be connected to, or the token is not there."""
    TIMEOUT = "timeout"
    """It did not answer in time. It may have signed, and the signature did not arrive."""
    REFUSED = "refused"
    """It refuses: a token that has expired, a wrong PIN, a right that is missing, a key that is disabled."""
    FAILED = "failed"
    """It answers with an error of its own, or with something that is not an answer."""


class SignerUnavailableError(UnavailableError):
    """A signer gives no signature.

    Attributes:
        failure: Why.
    """

    def __init__(self, signer: str, failure: SignerFailure, problem: str) -> None:
        super().__init__(f"the signer {signer}: {problem}")
        self.failure = failure


class ExternalKey(Protocol):
    """An Ed25519 key outside this process. Any thread may call it. `str()` names it in messages, without a secret."""

    def generate(self) -> None:
        """Make the key at its place. It never leaves it.

        Raises:
            ConfigurationError: There is a key already, or the signer's own tools must make it.
            SignerUnavailableError: The signer does not answer, refuses or fails.
        """
        ...

    def fetch_public(self) -> bytes:
        """Ask for the 32 bytes of the public key.

        Raises:
            SignerUnavailableError: The signer does not answer, refuses or fails.
        """
        ...

    def sign(self, message: bytes) -> bytes:
        """Ask for the signature over a message. The answer is not checked.

        Raises:
            SignerUnavailableError: The signer does not answer, refuses or fails.
        """
        ...
