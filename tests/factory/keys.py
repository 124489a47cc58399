"""Signing keys whose seeds are public: the same on every machine, and never to be used for anything else."""

from hashlib import sha256

from auditseal_schemas.key import Signer, SigningKey, VerifierKey
from auditseal_schemas.origin import Origin

ORIGIN = Origin("audit.example.com", "audit.events", 3, 0)
SIGNER = SigningKey.from_seed(bytes(range(32)))
OTHER_SIGNER = SigningKey.from_seed(bytes(range(1, 33)))
KEY = VerifierKey(str(ORIGIN), SIGNER.public)
OTHER_KEY = VerifierKey(str(ORIGIN), OTHER_SIGNER.public)


def signing_key(name: str) -> SigningKey:
    """Return the key whose seed is the SHA-256 of a name."""
    return SigningKey.from_seed(sha256(f"auditseal test key {name}".encode()).digest())


def verifier_key(origin: object, key: Signer) -> VerifierKey:
    return VerifierKey.of(str(origin), key)


def keys_of(origin: Origin, *signers: Signer) -> tuple[VerifierKey, ...]:
    """Return the keys of a log that is signed by these, or else by the first one alone."""
    return tuple(verifier_key(origin, signer) for signer in signers or (SIGNER,))
