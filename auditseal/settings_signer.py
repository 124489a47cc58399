"""The sections [sealer.signer] and [sealer.next_signer]: a signing key outside the sealer's process."""

from base64 import b64decode
from typing import Annotated

from pydantic import Field

from auditseal.settings_sections import ReadableFile, Section, readable_by
from auditseal_schemas.errors import VerificationError
from auditseal_schemas.public_key import ED25519, check_public_key
from auditseal_sealer.signers.checked_signer import CheckedSigner
from auditseal_sealer.signers.open_key import open_key
from auditseal_sealer.signers.signer_metrics import SignerMetrics
from auditseal_sealer.signers.signer_uri import parse_signer_uri


def read_public_key(text: str) -> bytes:
    """Return type ‖ public key, from the last part of a verifier key.

    Raises:
        ValueError: It is anything else.
    """
    try:
        blob = b64decode(text, validate=True)
        check_public_key(blob[:1], blob[1:])
    except (ValueError, VerificationError) as error:  # binascii's error is a ValueError
        raise ValueError(f"{text!r} is not the last part of a verifier key, after its second `+`: {error}") from error
    return blob


def read_ed25519_key(text: str) -> bytes:
    """Return the 32 bytes of an Ed25519 key, from the last part of a verifier key.

    Raises:
        ValueError: It is anything else.
    """
    blob = read_public_key(text)
    if blob[:1] != ED25519:
        raise ValueError(f"{text!r} is not an Ed25519 key, and a signer outside the process has such keys only")
    return blob[1:]


PublicKey = Annotated[str, readable_by(read_ed25519_key)]
"""An Ed25519 key, as the last part of one of its verifier keys."""


class SignerSection(Section):
    """A signing key in an HSM, in OpenBao or Vault, or in AWS KMS.

    Attributes:
        uri: The key's place: `pkcs11:…`, `openbao://…` or `awskms:///…`.
        public_key: Its public half, as the last part of its verifier keys. Each signature is checked by it.
        secret_file: A file that holds only the PIN of a PKCS#11 token, or only the token of OpenBao.
        timeout: Seconds that a request may last.
        ca_file: PEM of the authorities for OpenBao's certificate; the usual ones by default.
    """

    uri: Annotated[str, readable_by(parse_signer_uri)]
    public_key: PublicKey
    secret_file: ReadableFile | None = None
    timeout: float = Field(default=5, ge=0.1, le=60)
    ca_file: ReadableFile | None = None

    def open(self, metrics: SignerMetrics) -> CheckedSigner:
        """Return the signer. It is not asked for anything.

        Raises:
            ConfigurationError: The secret is missing or can't be read, or the library for it is not installed.
        """
        key = open_key(parse_signer_uri(self.uri), self.secret_file, self.timeout, self.ca_file)
        return CheckedSigner(key, read_ed25519_key(self.public_key), metrics)
