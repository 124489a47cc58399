"""Raw deflate (RFC 1951), by the `isal` library where it is installed and zlib where not: each reads the other's."""

import zlib
from typing import Any

from auditseal_schemas.errors import MalformedError

_RAW = -15
_zlib: Any
try:
    from isal import isal_zlib as _zlib

    _LEVEL = 2  # of 0 to 3, and isal's own default: several times as fast as zlib at nearly its ratio
except ModuleNotFoundError:
    _zlib, _LEVEL = zlib, 6


def deflate(data: bytes) -> bytes:
    """Return data compressed as one raw deflate stream."""
    compressed: bytes = _zlib.compress(data, _LEVEL, wbits=_RAW)
    return compressed


def inflate(data: bytes, most: int) -> bytes:
    """Return the content of one raw deflate stream, at most `most` bytes, never allocating much more.

    Raises:
        MalformedError: The stream is broken, cut, followed by something, or holds more.
    """
    stream = _zlib.decompressobj(wbits=_RAW)
    try:
        content: bytes = stream.decompress(data, most + 1)
    except _zlib.error as error:
        raise MalformedError("payload", f"a data block can't be inflated: {error}") from error
    if len(content) > most:
        raise MalformedError("payload", f"a data block inflates to more than {most} bytes")
    if not stream.eof or stream.unused_data or stream.unconsumed_tail:
        raise MalformedError("payload", "a data block's stream is cut, or something follows it")
    return content
