"""Tokens of clients: made of 32 random bytes, and kept as their SHA-256 alone.

A hash without salt and stretching is enough: 256 random bits can't be guessed, unlike a password. Texts that don't have
the form of a token are refused before they are hashed, so that nobody can use a password in a token's place.
"""

import hmac
import re
import secrets
from hashlib import sha256

PREFIX = "auditseal_"
"""What every token begins with, so that scanners of secrets find it."""

_TOKEN = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
_DIGEST = re.compile("[0-9a-f]{64}")


def make_token() -> str:
    """Return a new token."""
    return PREFIX + secrets.token_urlsafe(32)


def is_token(text: str) -> bool:
    """Whether a text has the form of a token."""
    return _TOKEN.fullmatch(text) is not None


def is_digest(text: str) -> bool:
    """Whether a text has the form of a token's hash."""
    return _DIGEST.fullmatch(text) is not None


def digest_of(token: str) -> str:
    """Return the SHA-256 of a token, in lower-case hexadecimal digits."""
    return sha256(token.encode()).hexdigest()


def equal_digests(one: str, other: str) -> bool:
    """Whether two hashes are equal, in a time that does not depend on where they differ."""
    return hmac.compare_digest(one, other)
