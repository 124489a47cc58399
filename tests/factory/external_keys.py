"""Keys outside the process that answer as a test wants."""

from prometheus_client import CollectorRegistry

from auditseal_schemas.key import SigningKey
from auditseal_sealer.signers.checked_signer import CheckedSigner
from auditseal_sealer.signers.external_key import ExternalKey, SignerFailure, SignerUnavailableError
from auditseal_sealer.signers.signer_metrics import SignerMetrics


class ScriptedKey:
    """A key whose answers come from a list: an error is raised, and None is a signature by the key.

    Attributes:
        asked: The messages that it was asked to sign, in their order.
        shown: The public key that it shows, or the error that it raises when it is asked for it.
    """

    def __init__(self, key: SigningKey, *answers: Exception | bytes | None) -> None:
        self._key, self._answers = key, list(answers)
        self.asked: list[bytes] = []
        self.shown: bytes | Exception = key.public

    def __str__(self) -> str:
        return "scripted:key"

    def generate(self) -> None:
        raise AssertionError("nobody asked for a new key")

    def fetch_public(self) -> bytes:
        if isinstance(self.shown, Exception):
            raise self.shown
        return self.shown

    def sign(self, message: bytes) -> bytes:
        self.asked.append(message)
        answer = self._answers.pop(0) if self._answers else None
        if isinstance(answer, Exception):
            raise answer
        return self._key.sign(message) if answer is None else answer


def away(failure: SignerFailure = SignerFailure.TIMEOUT) -> SignerUnavailableError:
    """Return the error of a signer that gives no signature."""
    return SignerUnavailableError("scripted:key", failure, "it is away")


def checked(key: ExternalKey, public: bytes, registry: CollectorRegistry | None = None) -> CheckedSigner:
    """Return a signer by a key, for the public key of a configuration."""
    metrics = SignerMetrics()
    if registry:
        metrics.register(registry)
    return CheckedSigner(key, public, metrics)
