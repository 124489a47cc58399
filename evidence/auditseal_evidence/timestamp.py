"""A timestamp over the manifest of a pack, by an authority that others trust (RFC 3161)."""

from collections.abc import Callable
from pathlib import Path
from typing import cast
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from cryptography.x509 import Certificate, load_pem_x509_certificates
from rfc3161_client import (
    HashAlgorithm,
    TimestampRequestBuilder,
    VerificationError,
    VerifierBuilder,
    decode_timestamp_response,
)

from auditseal_evidence.errors import TimestampError
from auditseal_schemas.errors import ConfigurationError, UnavailableError, quoted

_SECONDS = 30.0
_MAX_BYTES = 1 << 20


def timestamper(url: str, roots: Path) -> Callable[[bytes], bytes]:
    """Return a function that gets a timestamp over some bytes, verified.

    Args:
        url: The authority's address: `https://…` or `http://…`.
        roots: A PEM file with the root certificates that the authority's must lead to.

    Raises:
        ConfigurationError: The address or the certificates can't be used.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ConfigurationError(f"--timestamp: {quoted(url)} is not an address: write https://… or http://…")
    try:
        trusted = load_pem_x509_certificates(roots.read_bytes())
    except ValueError as error:
        raise ConfigurationError(f"--timestamp-ca: {roots} has no certificates in PEM: {error}") from error

    def stamp(data: bytes) -> bytes:
        return _stamp(url, trusted, data)

    return stamp


def _stamp(url: str, roots: list[Certificate], data: bytes) -> bytes:
    request = TimestampRequestBuilder().data(data).hash_algorithm(HashAlgorithm.SHA256).build()
    answer = _post(url, request.as_bytes())
    builder = VerifierBuilder.from_request(request)
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        builder.build().verify_message(decode_timestamp_response(answer), data)
    except (VerificationError, ValueError) as error:
        raise TimestampError(f"the answer of {url} is not a timestamp of this pack: {error}") from error
    return answer


def _post(url: str, query: bytes) -> bytes:
    headers = {"Content-Type": "application/timestamp-query"}
    try:
        # The scheme was checked: http or https.
        with urlopen(Request(url, query, headers), timeout=_SECONDS) as answer:  # noqa: S310
            return cast("bytes", answer.read(_MAX_BYTES))
    except HTTPError as error:
        with error:
            raise UnavailableError(f"the timestamp authority {url} answers {error}") from error
    except OSError as error:
        raise UnavailableError(f"the timestamp authority {url} can't be reached: {error}") from error
