"""Public keys by their algorithm: which are right, and which signatures hold under them.

| type | algorithm | public key | signature | source |
| --- | --- | --- | --- | --- |
| `01` | Ed25519 | 32 bytes | 64 bytes | RFC 8032; C2SP signed-note |
| `06` | ML-DSA-44 | 1,312 bytes | 2,420 bytes | FIPS 204; C2SP tlog-cosignature |

An algorithm is named by its type byte in verifier keys. Every 1,312 bytes are a public key of ML-DSA-44: FIPS 204,
section 7.2, decodes all of them.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PublicKey

from auditseal_schemas.errors import ConfigurationError, VerificationError
from auditseal_schemas.verdict import Verdict

ED25519, ML_DSA_44 = b"\x01", b"\x06"
LABELS = {ED25519: "Ed25519", ML_DSA_44: "ML-DSA-44"}
"""The algorithms by their type, as people name them."""

_LENGTHS = {ED25519: 32, ML_DSA_44: 1_312}
_FIELD_PRIME = 2**255 - 19
# The y-coordinates of the eight points of small order: such a key accepts signatures that its owner did not make.
_SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        _FIELD_PRIME - 1,
        0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826,
        0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7,
    }
)


def check_public_key(algorithm: bytes, public: bytes) -> None:
    """Check that bytes are a public key of an algorithm.

    Raises:
        VerificationError: BAD_KEY; the type is unknown, the length is wrong, or an Ed25519 key is not canonical or of
            small order.
    """
    if algorithm not in LABELS:
        raise VerificationError(Verdict.BAD_KEY, "key", "only types 0x01 (Ed25519) and 0x06 (ML-DSA-44) are known")
    if len(public) != _LENGTHS[algorithm]:
        problem = f"an {LABELS[algorithm]} public key has {_LENGTHS[algorithm]} bytes"
        raise VerificationError(Verdict.BAD_KEY, "key", problem)
    if algorithm == ED25519:
        y = int.from_bytes(public, "little") & (1 << 255) - 1
        if y >= _FIELD_PRIME or y in _SMALL_ORDER_Y:
            raise VerificationError(Verdict.BAD_KEY, "key", "the public key is of small order or not canonical")


def verify_signature(algorithm: bytes, public: bytes, message: bytes, signature: bytes) -> None:
    """Check a signature over a message.

    Raises:
        VerificationError: BAD_SIGNATURE; it doesn't hold.
        ConfigurationError: The installed OpenSSL doesn't know the algorithm.
    """
    try:
        if algorithm == ED25519:
            _ed25519_key(public).verify(signature, message)
            return
        with supported(algorithm):
            key = MLDSA44PublicKey.from_public_bytes(public)
        key.verify(signature, message)
    except InvalidSignature as error:
        problem = f"the {LABELS[algorithm]} signature doesn't hold"
        raise VerificationError(Verdict.BAD_SIGNATURE, "note", problem) from error


@lru_cache(maxsize=1024)
def _ed25519_key(public: bytes) -> Ed25519PublicKey:
    """Read a key; a log's blocks are signed by the same few."""
    return Ed25519PublicKey.from_public_bytes(public)


@contextmanager
def supported(algorithm: bytes) -> Iterator[None]:
    """Say what to do where the OpenSSL below `cryptography` doesn't know an algorithm.

    Raises:
        ConfigurationError: It doesn't. The key and its signatures may be right, so this is not a verdict.
    """
    try:
        yield
    except UnsupportedAlgorithm as error:
        problem = f"the OpenSSL below the installed cryptography doesn't know {LABELS[algorithm]}"
        raise ConfigurationError(f"{problem}: install the wheels of cryptography 48 or later") from error
