"""Standard base64 (RFC 4648 section 4), read strictly: each value has one spelling."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from auditseal_schemas.errors import MalformedError


def decode_base64(field: str, text: bytes) -> bytes:
    """Return what a text encodes.

    Args:
        field: What the text is, for the error.
        text: The text; empty for no bytes.

    Raises:
        MalformedError: It is not base64, or not the canonical spelling of its value.
    """
    try:
        data = b64decode(text, validate=True)
    except Base64Error as error:
        raise MalformedError(field, f"its base64 is broken: {error}") from error
    if b64encode(data) != text:
        raise MalformedError(field, "its base64 is not canonical")
    return data
