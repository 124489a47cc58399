"""A signer by a key outside this process. Each signature is verified before it is used."""

import time
from base64 import b64encode

from auditseal_schemas.errors import VerificationError
from auditseal_schemas.halt import Halt, HaltError
from auditseal_schemas.public_key import ED25519, verify_signature
from auditseal_sealer.signers.external_key import ExternalKey, SignerUnavailableError
from auditseal_sealer.signers.signer_metrics import OTHER_KEY, SIGNED, SignerMetrics


class CheckedSigner:
    """Signs by an external key, and checks each signature against the public key of the configuration.

    Attributes:
        algorithm: Ed25519.
        public: The 32 bytes of the public key of the configuration.
    """

    algorithm = ED25519

    def __init__(self, key: ExternalKey, public: bytes, metrics: SignerMetrics) -> None:
        self._key, self.public, self._metrics = key, public, metrics
        metrics.begin(str(key))

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message.

        Raises:
            SignerUnavailableError: The signer gives none.
            HaltError: KEY; the signature is not one by the public key of the configuration.
        """
        started = time.monotonic()
        try:
            signature = self._key.sign(message)
        except SignerUnavailableError as error:
            self._count(error.failure.value, started)
            raise
        try:
            verify_signature(self.algorithm, self.public, message, signature)
        except VerificationError as error:
            self._count(OTHER_KEY, started)
            raise HaltError(Halt.KEY, self._describe_other_key()) from error
        self._count(SIGNED, started)
        return signature

    def _count(self, result: str, started: float) -> None:
        self._metrics.count(str(self._key), result, time.monotonic() - started)

    def _describe_other_key(self) -> str:
        problem = f"the signer {self._key} must sign with the key {name_key(self.public)}, and its signature is of"
        try:
            found = self._key.fetch_public()
        except SignerUnavailableError as error:
            return f"{problem} another one, which it doesn't show: {error}; {_ADVICE}"
        if found == self.public:
            return f"{problem} no key, although it shows this one: ask the signer's operator"
        return f"{problem} the key {name_key(found)}; {_ADVICE}"


_ADVICE = "correct the signer's uri or its public_key; nothing was published"


def name_key(public: bytes) -> str:
    """Return the last part of a key's verifier keys, as the settings `public_key` and `retired_keys` have it."""
    return b64encode(ED25519 + public).decode()
