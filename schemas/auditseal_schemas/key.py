"""Keys with a name: the verifier key that auditors pin, and the signer that holds the private half.

Encodings: C2SP signed-note, https://c2sp.org/signed-note.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from auditseal_schemas.cosignature import TimestampedSignature, cosigned_message
from auditseal_schemas.errors import ConfigurationError, VerificationError, quoted
from auditseal_schemas.public_key import ED25519, ML_DSA_44, check_public_key, supported, verify_signature
from auditseal_schemas.verdict import Verdict

_VKEY = re.compile(r"(?P<name>[!-*,-~]{1,255})\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]{1,1752}={0,2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a signing key, bound to a name: the log's origin.

    Attributes:
        name: The name.
        public: The public key, as long as the algorithm wants it.
        algorithm: The type byte of the algorithm.

    Raises:
        VerificationError: BAD_KEY; as `check_public_key`.
    """

    name: str
    public: bytes
    algorithm: bytes = ED25519

    def __post_init__(self) -> None:
        check_public_key(self.algorithm, self.public)

    @classmethod
    def of(cls, name: str, signer: "Signer") -> Self:
        """Return the key of a signer under a name."""
        return cls(name, signer.public, signer.algorithm)

    @classmethod
    def from_blob(cls, name: str, blob: bytes) -> Self:
        """Return the key of type ‖ public key under a name.

        Raises:
            VerificationError: BAD_KEY; as `check_public_key`.
        """
        return cls(name, blob[1:], blob[:1])

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read `name+hex8(key id)+base64(type ‖ public key)`; `str(key)` is its only spelling.

        Raises:
            VerificationError: BAD_KEY; it is anything else.
        """
        match = _VKEY.fullmatch(vkey)
        if not match:
            raise VerificationError(Verdict.BAD_KEY, "key", f"{quoted(vkey)} is not a verifier key")
        try:
            blob = b64decode(match["key"], validate=True)
        except Base64Error as error:
            raise VerificationError(Verdict.BAD_KEY, "key", f"its base64 is broken: {error}") from error
        key = cls.from_blob(match["name"], blob)
        if str(key) != vkey:
            problem = f"{quoted(vkey)} has another key id or base64 than {quoted(str(key))}"
            raise VerificationError(Verdict.BAD_KEY, "key", problem)
        return key

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key)."""
        return sha256(self.name.encode() + b"\n" + self.algorithm + self.public).digest()[:4]

    @property
    def short(self) -> str:
        """The name and the key id, for messages."""
        return f"{self.name}+{self.key_id.hex()}"

    def __str__(self) -> str:
        return f"{self.short}+{b64encode(self.algorithm + self.public).decode()}"

    def sign(self, text: str, signer: "Signer") -> bytes:
        """Return a note's signature by this key, whose private half the signer has: the line's bytes after the key id.

        Raises:
            MalformedError: The key is an ML-DSA-44 key, and the text is not a checkpoint.
            UnavailableError, HaltError: As `Signer.sign`.
        """
        if self.algorithm == ML_DSA_44:
            return TimestampedSignature(0, signer.sign(cosigned_message(self.name, 0, text))).format()
        return signer.sign(text.encode())

    def check(self, text: str, signature: bytes) -> None:
        """Check a note's signature by this key: the line's bytes after the key id.

        Raises:
            VerificationError: BAD_SIGNATURE.
            ConfigurationError: The installed OpenSSL doesn't know the key's algorithm.
        """
        try:
            message, signature = self._signed(text, signature)
            verify_signature(self.algorithm, self.public, message, signature)
        except VerificationError as error:
            problem = f"the signature by {self.short} doesn't hold"
            raise VerificationError(Verdict.BAD_SIGNATURE, "note", problem) from error

    def _signed(self, text: str, signature: bytes) -> tuple[bytes, bytes]:
        """Return the message that the key signs of a text, and the algorithm's signature over it.

        Raises:
            MalformedError: The key signs checkpoints with a time, and these are not.
        """
        if self.algorithm != ML_DSA_44:
            return text.encode(), signature
        timestamped = TimestampedSignature.parse(signature)
        return cosigned_message(self.name, timestamped.time, text), timestamped.signature


class Signer(Protocol):
    """A signer for a log: the key of a PEM file, or one that an HSM or a KMS keeps."""

    @property
    def algorithm(self) -> bytes:
        """The byte of the key's algorithm in verifier keys (C2SP signed-note), such as `ED25519`."""
        ...

    @property
    def public(self) -> bytes:
        """The public key: 32 bytes for Ed25519, 1,312 for ML-DSA-44."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message: 64 bytes for Ed25519, 2,420 for ML-DSA-44.

        Raises:
            UnavailableError: The signer is away or refuses. It signed nothing, or the signature did not arrive.
            HaltError: KEY; it answers with another key.
        """
        ...


class SigningKey:
    """A private key in memory.

    Attributes:
        public: The public key, calculated once: each signature needs it, and to calculate it takes half as long.
    """

    def __init__(self, private: Ed25519PrivateKey | MLDSA44PrivateKey) -> None:
        self._private = private
        self.public = private.public_key().public_bytes_raw()

    @classmethod
    def generate(cls, algorithm: bytes = ED25519) -> Self:
        """Return a new key.

        Raises:
            ConfigurationError: The installed OpenSSL doesn't know the algorithm.
        """
        if algorithm == ED25519:
            return cls(Ed25519PrivateKey.generate())
        with supported(algorithm):
            return cls(MLDSA44PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes, algorithm: bytes = ED25519) -> Self:
        """Return the key of 32 secret bytes (RFC 8032, section 5.1.5; FIPS 204, algorithm 6).

        Raises:
            ConfigurationError: The installed OpenSSL doesn't know the algorithm.
        """
        if algorithm == ED25519:
            return cls(Ed25519PrivateKey.from_private_bytes(seed))
        with supported(algorithm):
            return cls(MLDSA44PrivateKey.from_seed_bytes(seed))

    @classmethod
    def from_pem(cls, pem: bytes, passphrase: bytes | None) -> Self:
        """Read a PKCS#8 PEM, encrypted where a passphrase is given.

        Raises:
            ConfigurationError: The PEM is broken, of another kind, or the passphrase doesn't open it.
        """
        try:
            private = load_pem_private_key(pem, passphrase)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ConfigurationError(f"the signing key can't be opened: {error}") from error
        if not isinstance(private, Ed25519PrivateKey | MLDSA44PrivateKey):
            problem = "the signing key is neither an Ed25519 nor an ML-DSA-44 key"
            raise ConfigurationError(f"{problem}: make one with `auditseal keys new`")
        return cls(private)

    def to_pem(self, passphrase: bytes | None) -> bytes:
        """Return the PKCS#8 PEM, encrypted where a passphrase is given.

        Raises:
            ConfigurationError: The passphrase is empty: a key in the clear has to be asked for with None.
        """
        if passphrase == b"":
            raise ConfigurationError("the signing key's passphrase is empty: give one, or none at all")
        encryption = NoEncryption() if passphrase is None else BestAvailableEncryption(passphrase)
        return self._private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)

    @property
    def algorithm(self) -> bytes:
        """The type byte of the key's algorithm."""
        return ED25519 if isinstance(self._private, Ed25519PrivateKey) else ML_DSA_44

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message; ML-DSA-44 makes another one each time (FIPS 204, section 3.4)."""
        return self._private.sign(message)
