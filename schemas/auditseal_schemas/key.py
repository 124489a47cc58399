"""Ed25519 keys: the verifier key that auditors pin, and the signer that holds the private half.

Encodings: C2SP signed-note, https://c2sp.org/signed-note.
"""

import re
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol, Self

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from auditseal_schemas.errors import ConfigurationError, VerificationError, quoted
from auditseal_schemas.verdict import Verdict

ED25519 = b"\x01"
_VKEY = re.compile(r"(?P<name>[!-*,-~]{1,255})\+(?P<id>[0-9a-f]{8})\+(?P<key>[A-Za-z0-9+/]{1,64}={0,2})", re.ASCII)
_FIELD_PRIME = 2**255 - 19
# The y-coordinates of the eight points of small order: such a key accepts signatures that nobody made.
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _FIELD_PRIME - 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    }
)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a signing key, bound to a name: the log's origin.

    Raises:
        VerificationError: BAD_KEY; the public key is not 32 bytes, not canonical, or of small order.
    """

    name: str
    public: bytes

    def __post_init__(self) -> None:
        if len(self.public) != 32:
            raise VerificationError(Verdict.BAD_KEY, "key", "an Ed25519 public key has 32 bytes")
        y = int.from_bytes(self.public, "little") & (1 << 255) - 1
        if y >= _FIELD_PRIME or y in _SMALL_ORDER_Y:
            raise VerificationError(Verdict.BAD_KEY, "key", "the public key is of small order or not canonical")

    @classmethod
    def parse(cls, vkey: str) -> Self:
        """Read `name+hex8(key id)+base64(type ‖ public key)`; `str(key)` is its only spelling."""
        match = _VKEY.fullmatch(vkey)
        if not match:
            raise VerificationError(Verdict.BAD_KEY, "key", f"{quoted(vkey)} is not a verifier key")
        try:
            blob = b64decode(match["key"], validate=True)
        except Base64Error as error:
            raise VerificationError(Verdict.BAD_KEY, "key", f"its base64 is broken: {error}") from error
        if blob[:1] != ED25519:
            raise VerificationError(Verdict.BAD_KEY, "key", "only type 0x01 (Ed25519) is known")
        key = cls(match["name"], blob[1:])
        if str(key) != vkey:
            raise VerificationError(Verdict.BAD_KEY, "key", f"{quoted(vkey)} has another key id or base64 than {key}")
        return key

    @property
    def key_id(self) -> bytes:
        """The first 4 bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{b64encode(ED25519 + self.public).decode()}"

    def check(self, message: bytes, signature: bytes) -> None:
        """Check an Ed25519 signature over a message.

        Raises:
            VerificationError: BAD_SIGNATURE.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, message)
        except InvalidSignature as error:
            problem = f"the signature by {self.name}+{self.key_id.hex()} doesn't hold"
            raise VerificationError(Verdict.BAD_SIGNATURE, "note", problem) from error


class Signer(Protocol):
    """A signer for a log: the key of a PEM file, or one that an HSM or a KMS keeps."""

    @property
    def algorithm(self) -> bytes:
        """The byte of the key's algorithm in verifier keys (C2SP signed-note), such as `ED25519`."""
        ...

    @property
    def public(self) -> bytes:
        """The public key: 32 bytes for Ed25519."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the signature over a message: 64 bytes for Ed25519.

        Raises:
            UnavailableError: The signer is away or refuses. Nothing was signed, or nobody got the signature.
            HaltError: KEY; it answers with another key.
        """
        ...


class SigningKey:
    """An Ed25519 private key in memory."""

    algorithm = ED25519

    def __init__(self, private: Ed25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def generate(cls) -> Self:
        """Return a new key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """Return the key of 32 secret bytes (RFC 8032 section 5.1.5)."""
        return cls(Ed25519PrivateKey.from_private_bytes(seed))

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
        if not isinstance(private, Ed25519PrivateKey):
            raise ConfigurationError("the signing key is not an Ed25519 key: make one with `auditseal keys new`")
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
    def public(self) -> bytes:
        """The 32 bytes of the public key."""
        return self._private.public_key().public_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of the signature over a message."""
        return self._private.sign(message)
