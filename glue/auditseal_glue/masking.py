"""Secrets in what a request carries: masked by their names, and by the form of tokens."""

import re
from functools import lru_cache
from urllib.parse import unquote_plus

MASK = "***"
SECRET_NAMES = re.compile(
    r"(?i)pass(word|wd|phrase)?|pwd|secret|token|api[-_]?key|auth|credential|session|cookie|csrf|xsrf|signature|"
    r"\bsig\b|\bcode\b|\bkey\b|jwt|saml|otp|\bpin\b|private"
)
"""Names of headers and of query parameters whose values are secrets."""

_MOST_REMEMBERED = 64  # characters of a name whose answer is kept: a client chooses the names of its parameters
_JWT = re.compile(r"eyJ[\w-]{8,}\.[\w-]{8,}(\.[\w-]*)?")  # RFC 7519: base64url of a JSON object, twice


def mask_value(name: str, value: str) -> str:
    """Return a value, or MASK where its name is a secret's; tokens in it are masked in any case."""
    is_secret = _is_secret(name) if len(name) <= _MOST_REMEMBERED else SECRET_NAMES.search(name) is not None
    return MASK if is_secret else mask_tokens(value)


@lru_cache(1_024)
def _is_secret(name: str) -> bool:
    return SECRET_NAMES.search(name) is not None


def mask_tokens(text: str) -> str:
    """Return a text with MASK for each JSON Web Token in it."""
    return _JWT.sub(MASK, text) if "eyJ" in text else text


def mask_query(query: str) -> str:
    """Return a query string with MASK for each value whose name is a secret's, all else as it was sent."""
    return "&".join(map(_mask_parameter, query.split("&"))) if query else ""


def _mask_parameter(parameter: str) -> str:
    name, equals, value = parameter.partition("=")
    if not value:
        return mask_tokens(parameter)
    plain = unquote_plus(name) if "%" in name or "+" in name else name
    return f"{name}{equals}{mask_value(plain, value)}"
