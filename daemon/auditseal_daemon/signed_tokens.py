"""Reads the signed tokens of other systems: JSON Web Tokens (RFC 7519) whose keys are public."""

from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeyFlexible
from joserfc.jws import JWSRegistry

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "EdDSA", "Ed25519")
"""Signatures alone: with a shared secret, such as that of HS256, its reader could sign for others."""


class _Tokens(JWSRegistry):
    """Which tokens are read.

    A parameter of the header that isn't known is ignored unless `crit` names it (RFC 7515 section 4).
    """

    max_header_length = 8_192  # a chain of certificates may be in it

    def __init__(self) -> None:
        super().__init__(algorithms=ALGORITHMS, strict_check_header=False)

    def get_alg(self, name: str) -> Any:
        """Return an algorithm, without a warning about EdDSA: providers still call Ed25519 so (RFC 9864)."""
        return self.algorithms[name] if name in ALGORITHMS else super().get_alg(name)


_TOKENS = _Tokens()


@dataclass(frozen=True, slots=True)
class TokenRules:
    """What a token must state.

    Attributes:
        issuer: Its `iss`.
        audience: Its `aud`, or one of them.
        claim: The claim that names whom it is about.
        leeway: Seconds that the issuer's clock may differ.
    """

    issuer: str
    audience: str
    claim: str = "sub"
    leeway: int = 0

    def subject_of(self, token: str, keys: KeyFlexible) -> str:
        """Return whom a token is about.

        Args:
            token: The token.
            keys: The issuer's public keys, or a function that returns them for a token's header.

        Raises:
            JoseError, ValueError: The token is not valid now: its form, algorithm, signature, or what it states.
        """
        wanted = jwt.JWTClaimsRegistry(
            leeway=self.leeway,
            iss={"essential": True, "value": self.issuer},
            aud={"essential": True, "value": self.audience},
            exp={"essential": True},
        )
        claims = jwt.decode(token, keys, registry=_TOKENS).claims
        wanted.validate(claims)
        subject = claims.get(self.claim)
        if not isinstance(subject, str) or not subject:
            raise ValueError(f"the claim {self.claim} is missing, empty or not a text")
        return subject
