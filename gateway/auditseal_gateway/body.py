"""Reads a request's body: within a time, a size, and the size that it has when it is decompressed."""

import asyncio
import zlib
from collections.abc import AsyncIterator, Mapping

from auditseal_gateway.config import Limits
from auditseal_gateway.errors import RequestError

_GZIP = 31  # zlib's number for gzip alone, with the largest window


async def read_body(headers: Mapping[str, str], pieces: AsyncIterator[bytes], limits: Limits) -> bytes:
    """Return a request's body.

    Raises:
        RequestError: It is too large (413), too slow (408), or compressed in a way that is unknown (415) or broken.
    """
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip"}:
        raise RequestError(415, f"Content-Encoding {encoding[:50]!r} is not known: send gzip, or none")
    length = headers.get("content-length", "")
    if length.isdecimal() and len(length) < 19 and int(length) > limits.body_bytes:
        raise _too_large(limits)
    try:
        async with asyncio.timeout(limits.read_seconds):
            body = await _read(pieces, limits)
    except TimeoutError:
        problem = f"the body did not arrive within {limits.read_seconds} s: nothing is recorded"
        raise RequestError(408, problem) from None
    return body if encoding == "identity" else _decompress(body, limits)


async def _read(pieces: AsyncIterator[bytes], limits: Limits) -> bytes:
    body = bytearray()
    async for piece in pieces:
        body += piece
        if len(body) > limits.body_bytes:
            raise _too_large(limits)
    return bytes(body)


def _decompress(body: bytes, limits: Limits) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    try:
        data = stream.decompress(body, limits.body_bytes + 1)
    except zlib.error as error:
        raise RequestError(400, f"the body is not gzip: {error}") from error
    if len(data) > limits.body_bytes:
        raise _too_large(limits)
    if not stream.eof or stream.unused_data:
        raise RequestError(400, "the body is not one whole gzip member: it is cut, or bytes follow it")
    return data


def _too_large(limits: Limits) -> RequestError:
    return RequestError(413, f"the body is larger than {limits.body_bytes} bytes: send fewer events a request")
